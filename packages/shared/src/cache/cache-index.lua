-- What the cache holds, and what of it is whose. The index is a sorted set by expiry in ms whose members tell the size,
-- the tenant and the digest of an entry: of one that has expired nothing else is left to say whose it was. Needs the keys.
--
-- `bytes` of all and of each tenant, and `entries` of each tenant, are counted beside the index; how many there are of
-- all is the size of the index.

-- So that a version that knows no tenants finds bytes and digest where it looks for them: `<bytes>@<tenant>:<digest>`.
local function cache_member(bytes, tenant, digest)
  return bytes .. '@' .. tenant .. ':' .. digest
end

-- Bytes, tenant and digest. The tenant is '' in what such a version wrote (`<bytes>:<digest>`).
local function cache_member_parts(member)
  local bytes, tenant, digest = string.match(member, '^(%d+)@?(.*):([^:]+)$')
  return tonumber(bytes), tenant, digest
end

local function cache_weigh(tenant, entries, bytes)
  redis.call('HINCRBY', K.cache_stats(), 'bytes', bytes)
  if tenant ~= '' then
    redis.call('HINCRBY', K.cache_stats(tenant), 'bytes', bytes)
    redis.call('HINCRBY', K.cache_stats(tenant), 'entries', entries)
  end
end

-- Takes members out of the index and of the figures, those that are there; how many that were.
local function cache_strike(members)
  local struck, entries, bytes = 0, {}, {}
  for _, member in ipairs(members) do
    if redis.call('ZREM', K.cache_index, member) == 1 then
      local size, tenant = cache_member_parts(member)
      struck = struck + 1
      entries[tenant] = (entries[tenant] or 0) + 1
      bytes[tenant] = (bytes[tenant] or 0) + size
    end
  end
  for tenant, count in pairs(entries) do
    cache_weigh(tenant, -count, -bytes[tenant])
  end
  return struck
end

-- Strikes what has expired, so many members at most; how many that were.
local function cache_strike_expired(now_ms, at_most)
  return cache_strike(redis.call('ZRANGEBYSCORE', K.cache_index, '-inf', now_ms, 'LIMIT', 0, at_most))
end
