-- Ends a run without ending the job: its attempt failed and another follows, or a stopping worker hands it back.
--
-- KEYS[1] the job's record
-- ARGV[1] run
--
-- Returns 1, or 0 when another run has taken over.
if redis.call('HGET', KEYS[1], 'run') ~= ARGV[1] then
  return 0
end
redis.call('HDEL', KEYS[1], 'run')
return 1
