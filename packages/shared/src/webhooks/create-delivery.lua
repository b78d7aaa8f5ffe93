-- Puts a delivery on record, unless it is there.
--
-- KEYS[1] its hash, KEYS[2…] the lists that name it
-- ARGV[1] its id, ARGV[2] how long it is kept, in ms, ARGV[3…] field, value, …
local LISTED_MAX = 1000 -- of one list; a busy endpoint's oldest leave it

local id, kept_ms = ARGV[1], ARGV[2]
if redis.call('EXISTS', KEYS[1]) == 1 then
  return
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'createdMs', now, 'nextMs', now, unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], kept_ms)
for index = 2, #KEYS do
  redis.call('ZADD', KEYS[index], now, id)
  redis.call('ZREMRANGEBYRANK', KEYS[index], 0, -(LISTED_MAX + 1))
  redis.call('PEXPIRE', KEYS[index], kept_ms)
end
