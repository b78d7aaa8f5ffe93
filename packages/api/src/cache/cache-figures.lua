-- The cache in figures, of a tenant or of all. What has expired since the last answer came is struck off first, in
-- several calls where it is much. Needs the keys and the index.
--
-- KEYS[1] index, KEYS[2] figures of the tenant or of all; ARGV[1] tenant, or '' for all
--
-- Returns {entries, field, value, …}, or {} to be called again.
local STRUCK_AT_MOST = 500

local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
if cache_strike_expired(now_ms, STRUCK_AT_MOST) == STRUCK_AT_MOST then
  return {}
end
local entries = ARGV[1] == '' and redis.call('ZCARD', KEYS[1]) or redis.call('HGET', KEYS[2], 'entries')
return { tonumber(entries or '0'), unpack(redis.call('HGETALL', KEYS[2])) }
