-- Ends a job, once: final state, answer or failure, usage, cache entry and the notices to those who wait, in one
-- atomic step. Needs count_usage and cache_put before it. The first answer to get here wins, because it is paid for,
-- whosever it is. A failure is heard only from the run that has the job: one that was taken for dead may not fail it
-- over the head of its successor.
--
-- KEYS[1] record, KEYS[2] waiters, KEYS[3..6] usage (tenant total, tenant day, user total, user day),
-- KEYS[7] cache index, KEYS[8] cache stats
-- ARGV[1] job id, ARGV[2] final state, ARGV[3] 'answer' or 'failure', ARGV[4] that as JSON,
-- ARGV[5] how long the record stays (ms), ARGV[6] prefix of wake channels,
-- ARGV[7] usage counts as JSON list, ARGV[8] cache digest or '', ARGV[9] cache ttl ms, ARGV[10] cache bound in bytes,
-- ARGV[11] prefix of cache entries, ARGV[12] fields of the cache entry as JSON list, ARGV[13] run
--
-- Returns 'settled', also to a repeat of the run that ended the job: a command whose reply is lost with the connection
-- is sent again; 'ended' when another run ended it, 'superseded' for a failure that is not heard, 'missing' when the
-- record has expired.
local record, waiters = KEYS[1], KEYS[2]
local state = redis.call('HGET', record, 'state')
if not state then
  return 'missing'
end
if state ~= 'queued' and state ~= 'in_progress' then
  return redis.call('HGET', record, 'endedBy') == ARGV[13] and 'settled' or 'ended'
end
if ARGV[3] == 'failure' and redis.call('HGET', record, 'run') ~= ARGV[13] then
  return 'superseded'
end

local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local kept_ms = tonumber(ARGV[5])

redis.call(
  'HSET', record, 'state', ARGV[2], ARGV[3], ARGV[4], 'finishedMs', now_ms, 'expiresMs', now_ms + kept_ms,
  'endedBy', ARGV[13]
)
redis.call('HDEL', record, 'run')
redis.call('PEXPIRE', record, kept_ms)

local counts = cjson.decode(ARGV[7])
if #counts > 0 then
  count_usage({ KEYS[3], KEYS[4], KEYS[5], KEYS[6] }, counts)
end
if ARGV[8] ~= '' then
  cache_put(ARGV[11], KEYS[7], KEYS[8], ARGV[8], ARGV[4], cjson.decode(ARGV[12]), tonumber(ARGV[9]), tonumber(ARGV[10]), now_ms)
end

for _, instance in ipairs(redis.call('SMEMBERS', waiters)) do
  redis.call('PUBLISH', ARGV[6] .. instance, ARGV[1])
end
redis.call('DEL', waiters)
return 'settled'
