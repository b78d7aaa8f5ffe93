-- Drops those of the given cache entries that belong to a tenant and match a filter.
--
-- KEYS[1] index, KEYS[2] stats, KEYS[3…] entries
-- ARGV[1] tenant, ARGV[2] model or '', ARGV[3] namespace or '', ARGV[4…] members of the index, one per entry
--
-- Returns how many were dropped. A member whose entry has expired is struck off without being counted.
local dropped = 0
for position = 3, #KEYS do
  local entry, member = KEYS[position], ARGV[position + 1]
  local tenant, target, namespace = unpack(redis.call('HMGET', entry, 'tenant', 'target', 'namespace'))
  local expired = not tenant
  local matches = tenant == ARGV[1]
    and (ARGV[2] == '' or target == ARGV[2])
    and (ARGV[3] == '' or namespace == ARGV[3])
  if (expired or matches) and redis.call('ZREM', KEYS[1], member) == 1 then
    redis.call('HINCRBY', KEYS[2], 'bytes', -tonumber(string.match(member, '^%d+')))
    if matches then
      redis.call('UNLINK', entry)
      dropped = dropped + 1
    end
  end
end
return dropped
