-- Takes a tenant away, with what is set for its users and the records of its keys, unless one of these is not revoked.
-- What is told to its addresses goes too: whoever is given the id later would have it told to strangers.
--
-- KEYS[1] all tenants, KEYS[2] what is set for the tenant's users, KEYS[3] the index of its keys, KEYS[4] ids of tenants that
-- were removed: they are not given out again, because jobs and figures stay under them
-- KEYS[5…] what else belongs to it alone
-- ARGV[1] its id, ARGV[2] what the name of a key's record begins with
--
-- Returns 'missing', 'used' or 'removed'.
local id, prefix = ARGV[1], ARGV[2]
local records = {}
for position, key in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
  records[position] = prefix .. key
  local record = redis.call('GET', records[position])
  if record and not cjson.decode(record).revokedMs then
    return 'used'
  end
end
for _, record in ipairs(records) do
  redis.call('DEL', record)
end
redis.call('DEL', KEYS[2], KEYS[3], unpack(KEYS, 5))
if redis.call('HDEL', KEYS[1], id) == 0 then
  return 'missing'
end
redis.call('SADD', KEYS[4], id)
return 'removed'
