-- The secrets that sign for one owner: a set by the time until which each is valid; the current one has no end.
--
-- KEYS[1] the set
-- ARGV[1] 'valid' or 'rotate', ARGV[2] a new secret, should one be needed, ARGV[3] how long the old one stays valid, in ms
--
-- Returns the valid ones, the current one first.
local SECRETS_MAX = 5 -- all sign every attempt

local key, action, fresh = KEYS[1], ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', key, '-inf', now)

local current = redis.call('ZRANGEBYSCORE', key, '+inf', '+inf')[1]
if current and action == 'rotate' then
  redis.call('ZADD', key, now + tonumber(ARGV[3]), current)
end
if not current or action == 'rotate' then
  redis.call('ZADD', key, '+inf', fresh)
  redis.call('ZREMRANGEBYRANK', key, 0, -(SECRETS_MAX + 1))
end
return redis.call('ZREVRANGE', key, 0, -1)
