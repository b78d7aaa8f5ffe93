-- The end of a job, whoever brings it: a worker with an answer or a failure, a client that cancels, a deadline.
-- Needs the keys, the log and the books.
local TOMBSTONE_MS = 7 * 24 * 3600 * 1000
local RESULT_TTL_MS = 24 * 3600 * 1000

-- What of a record these functions go by. What was asked and answered is not among it: it may be a megabyte.
local RECORD_FIELDS = {
  'state', 'tenant', 'user', 'lane', 'target', 'priority', 'createdMs', 'startedMs', 'resultTtlMs', 'webhook',
  'idempotency', 'flight', 'leader', 'detached', 'promotions', 'run', 'endedBy', 'losses', 'dirty', 'stop', 'tag',
  'queuePriority', 'parked', 'held', 'share', 'delayedUntilMs', 'startDeadlineMs', 'deadlineMs', 'graceMs',
  'onDisconnect', 'unreadMs', 'sequence', 'logBytes', 'cacheDigest', 'key', 'endpoint', 'request', 'calls', 'hold',
  'spendDay', 'unrepeatable', 'callTarget', 'callProvider',
}

-- These fields as a table; without any for a record that is not there.
local function read_record(id)
  local record = {}
  for index, value in ipairs(redis.call('HMGET', K.job(id), unpack(RECORD_FIELDS))) do
    record[RECORD_FIELDS[index]] = value or nil
  end
  return record
end

-- Writes an event for webhooks, if anybody of the tenant wants any.
local function notify(id, record, kind, now)
  if record.webhook or redis.call('EXISTS', K.webhook_endpoints(record.tenant)) == 1 then
    redis.call('XADD', K.webhook_outbox, '*', 'job', id, 'type', kind, 't', now)
  end
end

-- Wakes every instance that reads the job.
local function wake_readers(id)
  for _, instance in ipairs(redis.call('ZRANGE', K.readers(id), 0, -1)) do
    redis.call('PUBLISH', K.wake_channel(instance), id)
  end
  redis.call('DEL', K.readers(id))
end

-- Ends a job that has not ended. `record` is its hash as read before.
-- o: state; answer, failure (JSON texts, each may be absent); free (true: another job or the cache has paid);
--    run (who ends it); keeps_run (the call goes on for others); releases_key (a retry under the same
--    Idempotency-Key shall be a new job); now
-- What its calls have cost has to be booked before.
local function end_job(id, record, o)
  local key = K.job(id)
  -- A record of a version before this one names no time.
  local kept_ms = tonumber(record.resultTtlMs or RESULT_TTL_MS)
  local expires = o.now + kept_ms
  local owner = record.leader
  local sequence = owner and redis.call('HGET', K.job(owner), 'sequence') or record.sequence or '0'
  local fields = {
    'state', o.state, 'finishedMs', o.now, 'expiresMs', expires, 'endSequence', sequence, 'endedBy', o.run or '',
  }
  for _, name in ipairs({ 'answer', 'failure' }) do
    if o[name] then
      fields[#fields + 1] = name
      fields[#fields + 1] = o[name]
    end
  end
  if o.free then
    fields[#fields + 1] = 'free'
    fields[#fields + 1] = '1'
  end
  redis.call('HSET', key, unpack(fields))
  if not o.keeps_run then
    redis.call('HDEL', key, 'run')
  end
  let_go(id, record, o.keeps_run)
  -- The keeper of time takes record and log away at their time; this is for when there is none.
  redis.call('PEXPIRE', key, kept_ms + TOMBSTONE_MS)
  redis.call('PEXPIRE', K.log(id), kept_ms + TOMBSTONE_MS)
  redis.call('ZADD', K.due, expires, id)
  redis.call('ZREM', K.unqueued, id)
  if record.parked then
    redis.call('ZREM', K.parked(record.lane), id)
  end

  redis.call('ZREM', K.job_index(record.tenant, 'open'), id)
  if o.state ~= 'completed' then
    local place = redis.call('ZSCORE', K.job_index(record.tenant, 'all'), id)
    redis.call('ZADD', K.job_index(record.tenant, 'state', o.state), place or record.createdMs, id)
  end
  if record.flight and redis.call('GET', K.flight(record.flight)) == id then
    redis.call('DEL', K.flight(record.flight))
  end
  if o.releases_key and record.idempotency and redis.call('HGET', K.idempotency(record.idempotency), 'job') == id then
    redis.call('DEL', K.idempotency(record.idempotency))
  end
  if owner then
    redis.call('ZREM', K.followers(owner), id)
  end
  wake_readers(id)
  notify(id, record, 'job.' .. o.state, o.now)
end
