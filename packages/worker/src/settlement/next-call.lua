-- Ends a call of a run and begins the next one, of another model, within the same attempt: the intent is on record before
-- the provider is called. Needs the lifecycle.
--
-- KEYS[1] the job's record
-- ARGV[1] id, ARGV[2] run, ARGV[3] what the call that is over came to, as JSON for book_call; ARGV[4] and ARGV[5] the
-- events that say so and that the next one has begun, as JSON; whether text has to be taken back is added here;
-- ARGV[6] the model of the next call, ARGV[7] its provider
--
-- A command that is sent again, because its reply was lost with the connection, is known by the number of its call.
-- Returns {1, number of the next call}; {0} when another run has taken over, and nothing is booked; {2} when the job was
-- to be stopped, or a budget has no room for another call, and the job has ended hereby.
local id, run, call = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local key = KEYS[1]
local record = read_record(id)
if record.run ~= run then
  return { 0 }
end
if tonumber(record.calls or '0') > call.call then
  return { 1, tonumber(record.calls) }
end
local now = clock_ms()
book_call(id, record, call, now)
local hold = hold_of(record)
local has_room = not hold
  or not overspent(hold, '0', true)
    and (redis.call('HEXISTS', key, 'holding') == 1 or hold_take(id, hold, true))
local reason = record.stop or (not has_room and 'budget')
if reason then
  redis.call('HDEL', key, 'run')
  if is_final(record.state) then
    hand_over(id, record, 'leader_left', now)
  else
    stop_job(id, reason, now)
  end
  return { 2 }
end
local retrying = cjson.decode(ARGV[4])
retrying.reset = record.dirty == '1'
redis.call('HSET', key, 'dirty', '0', 'chars', '0', 'flush', '0', 'callTarget', ARGV[6], 'callProvider', ARGV[7])
local number = redis.call('HINCRBY', key, 'calls', 1)
log_append(id, { cjson.encode(retrying), ARGV[5] }, now)
return { 1, number }
