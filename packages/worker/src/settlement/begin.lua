-- Starts a run of a job's attempt: the intent is on record before the provider is called.
--
-- KEYS[1] the job's record
-- ARGV[1] attempt, ARGV[2] run (names this run among all runs of the job)
--
-- Returns {'missing'} when the record has expired, {'ended'} when the job is in a final state,
-- else {'run', losses, field, value, …}: losses counts the runs that ended without a word (crash, lost lock).
local record = KEYS[1]
local state = redis.call('HGET', record, 'state')
if not state then
  return { 'missing' }
end
if state ~= 'queued' and state ~= 'in_progress' then
  return { 'ended' }
end

local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)

-- A run that ends tidily removes its mark (release, settle). A mark still here was left by one that did not, or it is
-- this run's own: a command whose reply is lost with the connection is sent again.
local mark = redis.call('HGET', record, 'run')
if mark and mark ~= ARGV[2] then
  redis.call('HINCRBY', record, 'losses', 1)
end
redis.call('HSET', record, 'state', 'in_progress', 'attempt', ARGV[1], 'run', ARGV[2])
redis.call('HSETNX', record, 'startedMs', now_ms)

local reply = { 'run', tonumber(redis.call('HGET', record, 'losses') or '0') }
for _, part in ipairs(redis.call('HGETALL', record)) do
  reply[#reply + 1] = part
end
return reply
