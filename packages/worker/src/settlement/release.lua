-- Ends a run without ending the job: its attempt failed and another follows, or a stopping worker hands it back.
-- Needs the lifecycle.
--
-- KEYS[1] the job's record
-- ARGV[1] id, ARGV[2] run, ARGV[3] the event that says so, as JSON; whether text has to be taken back is added here
--
-- Returns 1; 0 when another run has taken over; 2 when the job was to be stopped, and has ended hereby.
if redis.call('HGET', KEYS[1], 'run') ~= ARGV[2] then
  return 0
end
local event = cjson.decode(ARGV[3])
event.reset = redis.call('HGET', KEYS[1], 'dirty') == '1'
redis.call('HDEL', KEYS[1], 'run')
redis.call('HSET', KEYS[1], 'dirty', '0', 'chars', '0')
local now = clock_ms()
local stop = redis.call('HGET', KEYS[1], 'stop')
if stop then
  stop_job(ARGV[1], stop, now)
  return 2
end
log_append(ARGV[1], { cjson.encode(event) }, now)
return 1
