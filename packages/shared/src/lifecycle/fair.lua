-- Fair shares of a lane, by fair queueing over BullMQ's priorities: every job gets a tag in virtual time when it is
-- accepted, and lower tags are served first. Tags are starts, as in start-time fair queueing (Goyal, Vin, Cheng 1996);
-- time goes with the job in service, as in self-clocked fair queueing (Golestani 1994).
--
-- A flow is one tenant's (or user's) jobs of one priority. Its jobs follow each other at a distance of `priority`, so a
-- flow of priority 1 gets ten times the share of one of priority 10; and each step of priority begins FAIR_HEAD_START
-- later. So a job of priority p whose flow has nothing waiting is served after at most (10 (p - 1) + 1) / q + 1 jobs of
-- each other flow, of priority q; after two where all have one priority. docs/decisions/0005 has more.
-- BULL_PRIORITY_MAX stands before this file.
local FAIR_HEAD_START = 10

-- BullMQ's priority of a tag: it has 21 bits, so it counts from a base that the workers move along.
local function bull_priority(tag, base)
  return math.max(1, math.min(BULL_PRIORITY_MAX, tag - base + 1))
end

-- Returns the tag of a new job and BullMQ's priority for it.
local function fair_tag(lane, share, priority)
  local clock = redis.call('HMGET', K.fair_clock(lane), 'now', 'base')
  local virtual_now, base = tonumber(clock[1] or '0'), tonumber(clock[2] or '0')
  local flows = K.fair_flows(lane)
  local flow = priority .. '|' .. share
  -- A flow whose last tag has been served starts anew: its finish tag says nothing more.
  redis.call('ZREMRANGEBYSCORE', flows, '-inf', virtual_now)
  local start = math.max(virtual_now, tonumber(redis.call('ZSCORE', flows, flow) or '0'))
  redis.call('ZADD', flows, start + priority, flow)
  local tag = start + (priority - 1) * FAIR_HEAD_START
  return tag, bull_priority(tag, base)
end

-- Virtual time is where the flow of the job that was last taken into service goes on; it never runs backwards. The end
-- of that job and not its start, or jobs of ever new flows would hold time still and starve all that can wait; and not
-- its tag, or a newcomer would wait for what others have waited for already.
-- `served` counts, for those who want to know how fast a lane goes.
local function fair_serve(lane, tag, priority)
  local finish = tag - (priority - 1) * FAIR_HEAD_START + priority
  if finish > tonumber(redis.call('HGET', K.fair_clock(lane), 'now') or '0') then
    redis.call('HSET', K.fair_clock(lane), 'now', finish)
  end
  redis.call('HINCRBY', K.fair_clock(lane), 'served', 1)
end
