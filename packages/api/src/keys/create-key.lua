-- Keeps a new API key, where its tenant is there.
--
-- KEYS[1] its record, KEYS[2] the entry of its secret's digest, KEYS[3] the index of its tenant's keys, KEYS[4] all tenants
-- ARGV[1] its id, ARGV[2] its record, ARGV[3] the time in its id, ARGV[4] its tenant, or '' for one that is always there
--
-- Returns 1, or 0 where the tenant is not there.
local id, record, time, tenant = unpack(ARGV)
if tenant ~= '' and redis.call('HEXISTS', KEYS[4], tenant) == 0 then
  return 0
end
redis.call('SET', KEYS[1], record)
redis.call('SET', KEYS[2], id)
redis.call('ZADD', KEYS[3], time, id)
return 1
