-- Looks for an answer and, when there is one, counts the request as served from the cache: one round trip.
-- Needs count_usage before it.
--
-- KEYS[1] entry, KEYS[2] cache stats, KEYS[3..6] usage (tenant total, tenant day, user total, user day)
-- ARGV[1] oldest age accepted (ms, -1 for any), ARGV[2] shortest remaining life accepted (ms),
-- ARGV[3] usage counts as JSON list
--
-- Returns {remaining ms, age ms, field, value, …}; {0, 0} when there is none that the client accepts.
local remaining_ms = redis.call('PTTL', KEYS[1])
if remaining_ms < 0 then
  redis.call('HINCRBY', KEYS[2], 'misses', 1)
  return { 0, 0 }
end
local now = redis.call('TIME')
local age_ms = now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(redis.call('HGET', KEYS[1], 'storedMs'))
local oldest_ms = tonumber(ARGV[1])
if (oldest_ms >= 0 and age_ms > oldest_ms) or remaining_ms < tonumber(ARGV[2]) then
  redis.call('HINCRBY', KEYS[2], 'misses', 1)
  return { 0, 0 }
end

redis.call('HINCRBY', KEYS[2], 'hits', 1)
count_usage({ KEYS[3], KEYS[4], KEYS[5], KEYS[6] }, cjson.decode(ARGV[3]))
local reply = { remaining_ms, age_ms }
for _, part in ipairs(redis.call('HGETALL', KEYS[1])) do
  reply[#reply + 1] = part
end
return reply
