-- Keeps an answer for equal requests, and the cache within its bound: what expired is struck off the books, then
-- the entries nearest to expiry leave until the rest fits. Included by the script that settles a job, so that an
-- answer and its cache entry appear together or not at all.
--
-- The index is a sorted set of `<bytes>:<digest>` by expiry in ms; the stats hash holds the sum of the bytes.
local AT_MOST = 100 -- members looked at per call, so that no call blocks Redis for long
local OVERHEAD_BYTES = 300 -- of key, hash and index member, beside the answer itself

local function cache_forget(index, stats, member)
  redis.call('ZREM', index, member)
  redis.call('HINCRBY', stats, 'bytes', -tonumber(string.match(member, '^%d+')))
end

local function cache_put(entry_prefix, index, stats, digest, answer, fields, ttl_ms, max_bytes, now_ms)
  local entry = entry_prefix .. digest
  local bytes = #answer + OVERHEAD_BYTES
  if bytes > max_bytes then
    return
  end
  local old_bytes = redis.call('HGET', entry, 'bytes')
  if old_bytes then
    cache_forget(index, stats, old_bytes .. ':' .. digest)
    redis.call('UNLINK', entry)
  end
  redis.call('HSET', entry, 'answer', answer, 'bytes', bytes, 'storedMs', now_ms, unpack(fields))
  redis.call('PEXPIRE', entry, ttl_ms)
  -- An entry that expired and comes back in the same size is still on the books.
  if redis.call('ZADD', index, now_ms + ttl_ms, bytes .. ':' .. digest) == 1 then
    redis.call('HINCRBY', stats, 'bytes', bytes)
  end

  for _, member in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now_ms, 'LIMIT', 0, AT_MOST)) do
    cache_forget(index, stats, member)
  end
  local total = tonumber(redis.call('HGET', stats, 'bytes'))
  for _ = 1, AT_MOST do
    local nearest = redis.call('ZRANGE', index, 0, 0)[1]
    if total <= max_bytes or not nearest then
      return
    end
    redis.call('UNLINK', entry_prefix .. string.match(nearest, ':(.+)$'))
    cache_forget(index, stats, nearest)
    total = tonumber(redis.call('HGET', stats, 'bytes'))
  end
end
