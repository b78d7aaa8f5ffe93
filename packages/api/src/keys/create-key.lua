-- Keeps a new API key, where its tenant is there and has room for it.
--
-- KEYS[1] its record, KEYS[2] the entry of its secret's digest, KEYS[3] the index of its tenant's keys, KEYS[4] all tenants
-- ARGV[1] its id, ARGV[2] its record, ARGV[3] the time in its id, ARGV[4] its tenant, ARGV[5] the one that is always there
-- ARGV[6] how many keys it may have, or -1
--
-- Returns 'kept'; 'missing' where the tenant is not there, 'full' where it has as many keys as it may.
local id, record, time, tenant, default = unpack(ARGV)
local count_max = tonumber(ARGV[6])
if tenant ~= default and redis.call('HEXISTS', KEYS[4], tenant) == 0 then
  return 'missing'
end
-- One that is there already was sent again, because the reply was lost.
if count_max >= 0 and not redis.call('ZSCORE', KEYS[3], id) and redis.call('ZCARD', KEYS[3]) >= count_max then
  return 'full'
end
redis.call('SET', KEYS[1], record)
redis.call('SET', KEYS[2], id)
redis.call('ZADD', KEYS[3], time, id)
return 'kept'
