-- Writes what a running call has brought to the job's log. Needs the lifecycle.
--
-- KEYS[1] the job's record
-- ARGV[1] id, ARGV[2] run, ARGV[3] characters of text among it, ARGV[4] '1' when the first event is a snapshot that
-- takes the place of all entries before it, ARGV[5] '1' when a reader has something of it that would have to be taken back,
-- ARGV[6] which append of this run it is (from 1 on), ARGV[7…] events as JSON
--
-- A command that is sent again, because its reply was lost with the connection, is known by ARGV[6].
-- Returns {how many connections heard of it, size of the log in bytes, the reason for which the job shall stop or ''};
-- {-1} when another run has taken over.
local id, run = ARGV[1], ARGV[2]
if redis.call('HGET', KEYS[1], 'run') ~= run then
  return { -1 }
end
local flush, bytes, stop = unpack(redis.call('HMGET', KEYS[1], 'flush', 'logBytes', 'stop'))
if tonumber(flush or '0') >= tonumber(ARGV[6]) then
  return { 1, tonumber(bytes), stop or '' }
end
redis.call('HSET', KEYS[1], 'flush', ARGV[6])
if ARGV[5] == '1' then
  redis.call('HSET', KEYS[1], 'dirty', '1')
end
redis.call('HINCRBY', KEYS[1], 'chars', ARGV[3])
local heard, total = log_append(id, { unpack(ARGV, 7) }, clock_ms())
if ARGV[4] == '1' then
  local sequence = redis.call('HGET', KEYS[1], 'sequence')
  redis.call('XTRIM', K.log(id), 'MINID', sequence .. '-0')
  total = #ARGV[7]
  redis.call('HSET', KEYS[1], 'logBytes', total)
end
return { heard, total, stop or '' }
