-- The clock that all scripts go by, and what a state says.
local function clock_ms()
  local now = redis.call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000)
end

local function is_final(state)
  return state ~= 'queued' and state ~= 'in_progress'
end
