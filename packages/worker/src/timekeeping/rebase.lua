-- Begins to move the base of a lane's virtual time, or takes up a move that was begun and left.
--
-- KEYS[1] the lane's clock
-- ARGV[1] how far the present may be from the base, ARGV[2] how long one who moves it is believed to be at it (ms)
--
-- Returns 1 when the caller has to give waiting jobs their priority anew, else 0.
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local virtual_now, base, rebasing = unpack(redis.call('HMGET', KEYS[1], 'now', 'base', 'rebasing'))
if rebasing then
  if now_ms < tonumber(rebasing) + tonumber(ARGV[2]) then
    return 0
  end
elseif tonumber(virtual_now or '0') - tonumber(base or '0') < tonumber(ARGV[1]) then
  return 0
else
  redis.call('HSET', KEYS[1], 'base', virtual_now)
end
redis.call('HSET', KEYS[1], 'rebasing', now_ms)
return 1
