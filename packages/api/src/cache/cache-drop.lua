-- Drops those of the given cache entries that belong to a tenant and match a filter. Needs the keys and the index.
--
-- KEYS[1…] entries
-- ARGV[1] tenant, ARGV[2] model or '', ARGV[3] namespace or '', ARGV[4] user or '', ARGV[5…] members of the index, one
-- per entry
--
-- Returns how many were dropped. A member whose entry has expired is struck off without being counted.
local FILTERS = 4

local function matches(wanted, value)
  return wanted == '' or value == wanted
end

local dropped, struck = {}, {}
for position, entry in ipairs(KEYS) do
  local member = ARGV[FILTERS + position]
  local tenant, target, namespace, user = unpack(redis.call('HMGET', entry, 'tenant', 'target', 'namespace', 'user'))
  if not tenant then
    struck[#struck + 1] = member
  elseif tenant == ARGV[1] and matches(ARGV[2], target) and matches(ARGV[3], namespace) and matches(ARGV[4], user) then
    redis.call('UNLINK', entry)
    dropped[#dropped + 1] = member
  end
end
cache_strike(struck)
return cache_strike(dropped)
