-- Writes the record of a new job and whom to wake at its end. Repeating it changes nothing.
--
-- KEYS[1] record, KEYS[2] waiters, KEYS[3] attach pointer
-- ARGV[1] job id, ARGV[2] how long an unfinished record is kept (ms), ARGV[3] instance that waits, or '',
-- ARGV[4] how long a waiter is kept (ms), ARGV[5] how long a retry finds the job (ms),
-- ARGV[6…] field, value, … of the record
--
-- Returns the time of acceptance in ms.
local created = redis.call('HGET', KEYS[1], 'createdMs')
if created then
  return tonumber(created)
end
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('HSET', KEYS[1], 'v', '1', 'state', 'queued', 'attempt', 0, 'createdMs', now_ms, unpack(ARGV, 6))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if ARGV[3] ~= '' then
  redis.call('SADD', KEYS[2], ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[5])
return now_ms
