-- The priority of a job that waits, counted from the base of its lane's virtual time, and notes it in the record.
--
-- KEYS[1] the job's record
-- ARGV[1] base, ARGV[2] BullMQ's lowest priority
--
-- Returns it; 0 when the record is gone.
local tag = tonumber(redis.call('HGET', KEYS[1], 'tag') or '')
if not tag then
  return 0
end
local priority = math.max(1, math.min(tonumber(ARGV[2]), tag - ARGV[1] + 1))
redis.call('HSET', KEYS[1], 'queuePriority', priority)
return priority
