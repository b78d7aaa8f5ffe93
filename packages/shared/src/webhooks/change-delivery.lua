-- Changes a delivery that is there and in the round that the change is meant for. Returns whether it did.
--
-- KEYS[1] its hash, KEYS[2…] the lists that name it
-- ARGV[1] the round, ARGV[2] how long it is kept from now on, in ms, ARGV[3…] field, value, …
if redis.call('HGET', KEYS[1], 'round') ~= ARGV[1] then
  return 0
end
redis.call('HDEL', KEYS[1], 'nextMs')
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, ARGV[2])
end
return 1
