-- When something has to be done about a job that has not ended. Needs end.lua.

-- A job that nobody has begun for so long is ended: its record would go by itself a week later, and it without a word.
local UNSERVED_MS = 7 * 24 * 3600 * 1000

-- When a job that wants a reader may be given up, as its readers stand now; nil while nothing can come of it.
-- Readers are instances with a lease each. One that left said so; one that died is known by its lease.
local function given_up_at(id, record)
  if not record.graceMs or (record.startedMs and record.onDisconnect ~= 'cancel') then
    return nil
  end
  local last = redis.call('ZREVRANGE', K.readers(id), 0, 0, 'WITHSCORES')
  local read_until = math.max(tonumber(last[2] or '0'), tonumber(record.unreadMs or record.createdMs))
  return read_until + tonumber(record.graceMs)
end

-- Sets the time of the next look at a job; without a reason for one it is left alone until its end.
local function set_due(id, record)
  local due = given_up_at(id, record)
  local function sooner(ms)
    ms = tonumber(ms)
    if ms and (not due or ms < due) then
      due = ms
    end
  end
  if not record.startedMs then
    sooner(record.startDeadlineMs)
    sooner(record.createdMs + UNSERVED_MS)
  end
  if record.parked and not record.held then
    sooner(record.delayedUntilMs)
  end
  if not record.stop then
    sooner(record.deadlineMs)
  end
  if due then
    redis.call('ZADD', K.due, due, id)
  else
    redis.call('ZREM', K.due, id)
  end
end
