-- Starts a run of a job's attempt: the intent is on record before the provider is called. Needs the lifecycle.
--
-- KEYS[1] the job's record
-- ARGV[1] id, ARGV[2] attempt, ARGV[3] run (names this run among all runs of the job)
--
-- Returns {'missing'} when the record has expired, {'ended', heir} when the job is in a final state or reaches one here
-- (its heir, or '', then has to be added to the lane), else {'run', losses, field, value, …}: losses counts the runs
-- that ended without a word (crash, lost lock), and `calls` among the fields is the number of this run's call.
local id, attempt, run = ARGV[1], ARGV[2], ARGV[3]
local key = KEYS[1]
local record = read_record(id)
if not record.state then
  return { 'missing' }
end
local now = clock_ms()
-- A run that ends tidily removes its mark (release, settle). A mark still here was left by one that did not, or it is
-- this run's own: a command whose reply is lost with the connection is sent again.
local repeated = record.run == run
local is_lost = record.run and not repeated
-- Its reader has text that nobody can take back: this run only ends it.
local is_interrupted = is_lost and record.unrepeatable and record.dirty == '1'
if is_lost then
  leave_call(id, record, now)
  record.losses = redis.call('HINCRBY', key, 'losses', 1)
end
-- A leader that left while others wanted its answer has ended; its call has not.
local for_others = record.detached == '1' and redis.call('ZCARD', K.followers(id)) > 0
if is_final(record.state) and (is_lost or not for_others) then
  -- The last of the others has left while nobody ran it, or the call that went on for them is lost.
  return { 'ended', hand_over(id, record, 'worker_lost', now) or '' }
end

local function stop_here(reason)
  -- The run before this one is gone, or it would have ended the job itself.
  redis.call('HDEL', key, 'run')
  local _, heir
  if for_others then
    heir = hand_over(id, record, 'leader_left', now)
  else
    _, heir = stop_job(id, reason, now)
  end
  return { 'ended', heir or '' }
end
local function overdue(name)
  return record[name] and now >= tonumber(record[name])
end
if not for_others then
  local given_up = not record.startedMs and given_up_at(id, record)
  local reason = record.stop
    or (overdue('deadlineMs') and 'deadline')
    or (overdue('startDeadlineMs') and not record.startedMs and 'start_deadline')
    or (given_up and now >= given_up and (record.onDisconnect == 'cancel' and 'disconnect' or 'abandoned'))
  if reason then
    return stop_here(reason)
  end
end

local hold = hold_of(record)
if hold and redis.call('HEXISTS', key, 'holding') == 0 and not hold_take(id, hold, true) then
  -- An earlier call is unsettled, and has kept what was reserved.
  return stop_here('budget')
end
if is_lost and not is_interrupted then
  local lost = { type = 'retrying', attempt = tonumber(attempt), afterMs = 0, reason = 'worker_lost' }
  lost.reset = record.dirty == '1'
  log_append(id, { cjson.encode(lost) }, now)
end
if not repeated then
  redis.call('HSET', key, 'run', run, 'dirty', '0', 'chars', '0', 'flush', '0')
  redis.call('HINCRBY', key, 'calls', 1)
  redis.call('HDEL', key, 'callTarget', 'callProvider')
end
if is_interrupted then
  -- Who shared its call may begin anew, and is told that what was given out is taken back.
  redis.call('HSET', key, 'interrupted', '1', 'dirty', '1')
end
redis.call('ZREM', K.unqueued, id)
if not for_others then
  redis.call('HSET', key, 'state', 'in_progress', 'attempt', attempt)
end
if not record.startedMs then
  record.startedMs = now
  redis.call('HSET', key, 'startedMs', now)
  fair_serve(record.lane, tonumber(record.tag or '0'), tonumber(record.priority or '5'))
  set_due(id, record)
  notify(id, record, 'job.started', now)
end
for _, follower in ipairs(redis.call('ZRANGE', K.followers(id), 0, -1)) do
  redis.call('HSET', K.job(follower), 'state', 'in_progress', 'attempt', attempt)
  if redis.call('HSETNX', K.job(follower), 'startedMs', now) == 1 then
    local tenant, webhook = unpack(redis.call('HMGET', K.job(follower), 'tenant', 'webhook'))
    notify(follower, { tenant = tenant, webhook = webhook }, 'job.started', now)
  end
end
if not repeated and not is_interrupted then
  local started = { type = 'started', attempt = tonumber(attempt), provider = record.lane, model = record.target }
  log_append(id, { cjson.encode(started) }, now)
end

local reply = { 'run', tonumber(redis.call('HGET', key, 'losses') or '0') }
for _, part in ipairs(redis.call('HGETALL', key)) do
  reply[#reply + 1] = part
end
return reply
