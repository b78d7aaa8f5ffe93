-- Does what is due: stops jobs whose deadline or whose last reader is gone, lets those go whose time has come, and clears
-- away what has expired.
-- Needs the lifecycle.
--
-- KEYS[1] the jobs by the time at which something is due
-- ARGV[1] how many to look at
--
-- Returns how many were due, and for every job that is no longer for the queue or has to be added to it:
-- {'remove' | 'add', lane, id}, flat.
local CLEAN_AGAIN_MS = 60000

local function clean(id, record, now)
  -- Its call still goes on for others, whose place it holds, or is being given up: it will be charged then.
  if record.detached == '1' and (record.run or redis.call('ZCARD', K.followers(id)) > 0) then
    redis.call('ZADD', K.due, now + CLEAN_AGAIN_MS, id)
    return
  end
  redis.call('SET', K.gone(id), record.tenant, 'PX', TOMBSTONE_MS)
  erase(id, record)
end

local reply = {}
local function queue(action, lane, id)
  for _, part in ipairs({ action, lane, id }) do
    reply[#reply + 1] = part
  end
end

local function look(id, record, now)
  local given_up = given_up_at(id, record)
  local function passed(name)
    return record[name] and now >= tonumber(record[name])
  end
  local reason
  if passed('startDeadlineMs') and not record.startedMs then
    reason = 'start_deadline'
  elseif passed('deadlineMs') then
    reason = 'deadline'
  elseif given_up and now >= given_up then
    reason = record.onDisconnect == 'cancel' and 'disconnect' or 'abandoned'
  elseif not record.startedMs and now >= record.createdMs + UNSERVED_MS then
    reason = 'unserved'
  end
  if not reason and record.parked and not record.held and passed('delayedUntilMs') then
    queue('add', record.lane, id)
    return unpark(id, record, now)
  end
  if not reason then
    return set_due(id, record)
  end
  local outcome, heir = stop_job(id, reason, now)
  if heir then
    queue('add', record.lane, heir)
  end
  if outcome == 'ended' and not record.leader and not record.run then
    queue('remove', record.lane, id)
  elseif outcome == 'stopping' then
    -- The worker that has it, or the next one, will end it.
    redis.call('ZREM', K.due, id)
  end
end

local now = clock_ms()
local due = redis.call('ZRANGEBYSCORE', K.due, '-inf', now, 'LIMIT', 0, ARGV[1])
for _, id in ipairs(due) do
  local record = read_record(id)
  if not record.state then
    redis.call('ZREM', K.due, id)
  elseif is_final(record.state) then
    clean(id, record, now)
  else
    look(id, record, now)
  end
end
return { #due, unpack(reply) }
