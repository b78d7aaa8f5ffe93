-- Replaces the record of an API key, unless it has changed since it was read: a key that was revoked meanwhile must not
-- come back, nor a change that was made meanwhile be undone.
--
-- KEYS[1] its record, KEYS[2…] entries of digests of its secrets
-- ARGV[1] its id, ARGV[2] the record as it was read, ARGV[3] the new one
-- ARGV[4…] for each digest: -1 when it shall find the key from now on, else for how many ms it still does
--
-- Returns 1, or 0 where the record is another one by now.
local id, before, after = unpack(ARGV)
if redis.call('GET', KEYS[1]) ~= before then
  return 0
end
redis.call('SET', KEYS[1], after)
for position = 2, #KEYS do
  local left = tonumber(ARGV[position + 2])
  if left < 0 then
    redis.call('SET', KEYS[position], id)
  elseif left == 0 then
    redis.call('DEL', KEYS[position])
  else
    redis.call('PEXPIRE', KEYS[position], left)
  end
end
return 1
