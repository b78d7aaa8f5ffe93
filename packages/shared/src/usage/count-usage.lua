-- Adds one answered request to the counters of a tenant and of its user, for all time and for the day.
-- Included by the scripts that end a request, so that a request and its cost are counted in the same atomic step.
--
-- keys: {tenant total, tenant day, user total, user day}; counts: {field, integer, ...} with field = model|kind
local DAY_KEPT_MS = 400 * 24 * 3600 * 1000

local function count_usage(keys, counts)
  for index, key in ipairs(keys) do
    for position = 1, #counts, 2 do
      redis.call('HINCRBY', key, counts[position], counts[position + 1])
    end
    if index % 2 == 0 then
      redis.call('PEXPIRE', key, DAY_KEPT_MS)
    end
  end
end
