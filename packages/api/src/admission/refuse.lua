-- Takes back the acceptance of a job that could not be queued for certain, unless a worker has begun it already. Others
-- that share its call get a leader of their own. Needs the lifecycle.
--
-- KEYS[1] record
-- ARGV[1] job id, ARGV[2] fingerprint of the request
--
-- Returns the id of a job that now has to be added to the lane in its place, or ''.
local id = ARGV[1]
local record = read_record(id)
-- A job that follows another one has no run of its own, whatever its state says.
if not record.state or is_final(record.state) or (record.state ~= 'queued' and not record.leader) then
  return ''
end
local now = clock_ms()
local heir = promote(id, record, 'leader_left', now)
if record.leader then
  redis.call('ZREM', K.followers(record.leader), id)
  left_by_follower(record.leader, 'cancel', now)
end
if record.flight and redis.call('GET', K.flight(record.flight)) == id then
  redis.call('DEL', K.flight(record.flight))
end
if record.idempotency and redis.call('HGET', K.idempotency(record.idempotency), 'job') == id then
  redis.call('DEL', K.idempotency(record.idempotency))
end
if redis.call('GET', K.attach(ARGV[2])) == id then
  redis.call('DEL', K.attach(ARGV[2]))
end
let_go(id, record)
wake_readers(id)
redis.call('ZREM', K.job_index(record.tenant, 'open'), id)
redis.call('ZREM', K.parked(record.lane), id)
redis.call('ZREM', K.unqueued, id)
erase(id, record)
return heir or ''
