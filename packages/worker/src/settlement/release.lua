-- Ends a run without ending the job: its attempt failed and another follows, or a stopping worker hands it back.
-- Needs the lifecycle.
--
-- KEYS[1] the job's record
-- ARGV[1] id, ARGV[2] run, ARGV[3] the event that says so, as JSON; whether text has to be taken back is added here;
-- ARGV[4] what the run's call came to, as JSON for book_call; '' when the provider had not begun to answer
--
-- Returns 1; 0 when another run has taken over, and nothing is booked; 2 when the job was to be stopped, or a budget has
-- no room for another call, and the job has ended hereby.
local id = ARGV[1]
local record = read_record(id)
if record.run ~= ARGV[2] then
  return 0
end
local now = clock_ms()
if ARGV[4] ~= '' then
  book_call(id, record, cjson.decode(ARGV[4]), now)
else
  leave_call(id, record, now)
end
local event = cjson.decode(ARGV[3])
event.reset = record.dirty == '1'
redis.call('HDEL', KEYS[1], 'run')
local hold = hold_of(record)
local reason = record.stop or (hold and overspent(hold, '0', true) and 'budget')
if reason and is_final(record.state) then
  hand_over(id, record, 'leader_left', now)
  return 2
end
if reason then
  stop_job(id, reason, now)
  return 2
end
redis.call('HSET', KEYS[1], 'dirty', '0', 'chars', '0')
log_append(id, { cjson.encode(event) }, now)
return 1
