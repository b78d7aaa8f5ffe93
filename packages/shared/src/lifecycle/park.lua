-- Parked jobs: accepted, and kept out of their lane until their time has come or their owner has given the word. They take
-- their place, and their turn among others, only then. Needs fair.lua and due.lua.

local function park(id, lane, share, now)
  redis.call('ZADD', K.parked(lane), now, id)
  redis.call('HSET', K.job(id), 'parked', '1', 'share', share)
end

-- Gives a parked job its place. The caller has to add it to its lane.
local function unpark(id, record, now)
  local tag, queue_priority = fair_tag(record.lane, record.share, tonumber(record.priority))
  redis.call('ZREM', K.parked(record.lane), id)
  redis.call('HDEL', K.job(id), 'parked', 'held', 'share')
  redis.call('HSET', K.job(id), 'tag', tag, 'queuePriority', queue_priority)
  redis.call('ZADD', K.unqueued, now, id)
  set_due(id, read_record(id))
end
