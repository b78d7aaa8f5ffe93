-- Takes a job that has ended away, as if it had never been: what it cost stays counted. Needs the lifecycle.
--
-- KEYS[1] record
-- ARGV[1] job id
--
-- Returns 'missing', 'running', 'shared' (its call goes on for others, and will be charged when it ends) or 'deleted'.
local id = ARGV[1]
local record = read_record(id)
if not record.state then
  return 'missing'
end
if not is_final(record.state) then
  return 'running'
end
if record.detached then
  return 'shared'
end
if record.idempotency and redis.call('HGET', K.idempotency(record.idempotency), 'job') == id then
  redis.call('DEL', K.idempotency(record.idempotency))
end
-- A webhook may carry the answer.
for _, delivery in ipairs(redis.call('ZRANGE', K.webhook_deliveries(id), 0, -1)) do
  redis.call('DEL', K.webhook_delivery(delivery))
end
redis.call('DEL', K.webhook_deliveries(id))
erase(id, record)
return 'deleted'
