-- Keeps an answer for equal requests, and the cache within its bound: what expired is struck off, then the entries
-- nearest to expiry leave until there is room, and only then the new one comes. Included by the script that settles a
-- job, so that an answer and its cache entry appear together or not at all. Needs the keys and the index.
local EXPIRED_AT_MOST = 100 -- struck off per answer, so that no answer blocks Redis for long
local EVICTED_AT_MOST = 500 -- likewise: an answer that more would have to leave for is not kept

-- Keys, hash table, field names and index member. Measured as the growth of used_memory on Redis 7.0 with jemalloc, for
-- answers of 150 bytes to 1 MB: 1,060 to 1,180 bytes beside the texts.
local OVERHEAD_BYTES = 1180

-- What an allocator takes for a text: jemalloc has four sizes between a power of two and the next.
local function cache_allocated(length)
  local with_header = length + 10
  local _, exponent = math.frexp(with_header)
  local step = 2 ^ (exponent - 3)
  return math.ceil(with_header / step) * step
end

-- What an entry takes of Redis' memory: the bound is one on that, and an answer may be the least of it.
local function cache_entry_bytes(owner, answer, fields)
  local bytes = OVERHEAD_BYTES + cache_allocated(#answer) + #owner.tenant + #owner.user
  for _, text in ipairs(fields) do
    bytes = bytes + #text
  end
  return bytes
end

-- Whether there is room now. Those that have expired by the hundred may be among the nearest; their digests may be in
-- use again.
local function cache_make_room(bytes, max_bytes, now_ms)
  local total = tonumber(redis.call('HGET', K.cache_stats(), 'bytes') or '0')
  for _ = 1, EVICTED_AT_MOST do
    local member, expires_ms = unpack(redis.call('ZRANGE', K.cache_index, 0, 0, 'WITHSCORES'))
    if total + bytes <= max_bytes or not member then
      break
    end
    local size, _, digest = cache_member_parts(member)
    if tonumber(expires_ms) > now_ms then
      redis.call('UNLINK', K.cache_entry(digest))
    end
    cache_strike({ member })
    total = total - size
  end
  return total + bytes <= max_bytes
end

-- owner: tenant and user of the job that brought the answer
-- o: digest, ttl_ms, max_bytes, fields {name, value, …} (texts: what else is kept beside the answer)
local function cache_put(owner, answer, o, now_ms)
  local bytes = cache_entry_bytes(owner, answer, o.fields)
  if bytes > o.max_bytes then
    return
  end
  cache_strike_expired(now_ms, EXPIRED_AT_MOST)
  local entry = K.cache_entry(o.digest)
  local old_bytes = redis.call('HGET', entry, 'bytes')
  if old_bytes then
    cache_strike({ cache_member(old_bytes, owner.tenant, o.digest), old_bytes .. ':' .. o.digest })
    redis.call('UNLINK', entry)
  end
  if not cache_make_room(bytes, o.max_bytes, now_ms) then
    return
  end
  redis.call(
    'HSET', entry, 'answer', answer, 'bytes', bytes, 'storedMs', now_ms, 'tenant', owner.tenant, 'user', owner.user,
    unpack(o.fields)
  )
  redis.call('PEXPIRE', entry, o.ttl_ms)
  -- An entry that expired and comes back in the same size may still be in the index.
  if redis.call('ZADD', K.cache_index, now_ms + o.ttl_ms, cache_member(bytes, owner.tenant, o.digest)) == 1 then
    cache_weigh(owner.tenant, 1, bytes)
  end
end
