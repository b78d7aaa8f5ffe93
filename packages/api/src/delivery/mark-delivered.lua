-- Notes that a job's result has reached a client, unless the record has expired meanwhile: writing to a key that is
-- gone would make a broken record that nothing ever removes.
--
-- KEYS[1] record
local now = redis.call('TIME')
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'deliveredMs', now[1] * 1000 + math.floor(now[2] / 1000))
end
return 1
