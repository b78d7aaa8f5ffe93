-- Closes the record of a job that could not be enqueued for certain, unless a worker has begun it already.
--
-- KEYS[1] record, KEYS[2] attach pointer
-- ARGV[1] job id
if redis.call('HGET', KEYS[1], 'state') == 'queued' then
  redis.call('DEL', KEYS[1])
  if redis.call('GET', KEYS[2]) == ARGV[1] then
    redis.call('DEL', KEYS[2])
  end
end
return 1
