-- Gives a job that was held its place in the lane, as of now. Needs the lifecycle.
--
-- KEYS[1] record
-- ARGV[1] job id
--
-- Returns 'missing', 'ended', 'unchanged' (it was not held), 'delayed' (its time is still to come) or 'released': then it has
-- to be added to the lane.
local id = ARGV[1]
local record = read_record(id)
if not record.state then
  return 'missing'
end
if is_final(record.state) then
  return 'ended'
end
if not record.held then
  return 'unchanged'
end
local now = clock_ms()
if record.delayedUntilMs and now < tonumber(record.delayedUntilMs) then
  redis.call('HDEL', KEYS[1], 'held')
  set_due(id, read_record(id))
  return 'delayed'
end
unpark(id, record, now)
return 'released'
