-- Looks for an answer, counts what came of it, and leaves a row for the ledger when the answer needs no job: one round
-- trip.
--
-- KEYS[1] entry, KEYS[2] cache in figures, KEYS[3] the same of the tenant, KEYS[4] outbox of the ledger
-- ARGV[1] oldest age accepted (ms, -1 for any), ARGV[2] shortest remaining life accepted (ms),
-- ARGV[3] row of the ledger as a JSON object without `status` and `savedNanoUsd`, which the entry knows; '' for no row
--
-- Returns {remaining ms, age ms, field, value, …}; {0, 0} when there is none that the client accepts.
local function count(field, by)
  redis.call('HINCRBY', KEYS[2], field, by)
  redis.call('HINCRBY', KEYS[3], field, by)
end

local remaining_ms = redis.call('PTTL', KEYS[1])
if remaining_ms < 0 then
  count('misses', 1)
  return { 0, 0 }
end
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stored_ms, state, cost = unpack(redis.call('HMGET', KEYS[1], 'storedMs', 'state', 'costNanoUsd'))
local age_ms = now_ms - tonumber(stored_ms)
local oldest_ms = tonumber(ARGV[1])
if (oldest_ms >= 0 and age_ms > oldest_ms) or remaining_ms < tonumber(ARGV[2]) then
  count('misses', 1)
  return { 0, 0 }
end

-- Nobody knows what an answer without a price would have cost.
local saved = cost and cost ~= '' and cost or '0'
count('hits', 1)
count('savedNanoUsd', saved)
if ARGV[3] ~= '' then
  -- Put at the end of the text: cjson would refuse a user whose name has half a surrogate pair.
  local row = string.sub(ARGV[3], 1, -2) .. ',"status":"' .. state .. '","savedNanoUsd":"' .. saved .. '"}'
  redis.call('XADD', KEYS[4], '*', 'row', row, 't', now_ms)
end
local reply = { remaining_ms, age_ms }
for _, part in ipairs(redis.call('HGETALL', KEYS[1])) do
  reply[#reply + 1] = part
end
return reply
