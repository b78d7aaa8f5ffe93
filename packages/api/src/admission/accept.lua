-- Accepts a request as a job, in one step with everything that is decided on the way, so that a hundred equal requests
-- at once are one job under one Idempotency-Key, one provider call in one flight, and counted against a limit once.
-- Needs the lifecycle.
--
-- KEYS[1] record of the new job
-- ARGV[1] its id, ARGV[2] options as JSON, ARGV[3…] field, value, … of the record
--   lane, share (whose flow it is in the lane's fair queue), priority, unfinished_ms (how long a record without an end
--   is kept), attach (fingerprint), attach_ms, id_ms (the time that is in the id), limits {keys, rows}; each of these
--   may be absent: hold (as book.lua has it, with kinds of period and without a time) and tenant, parked (it takes its place in the lane later), delay_ms, deadline_ms, start_deadline_ms, instance and
--   lease_ms (who reads the answer), idempotency {digest, fingerprint, kept_ms}, flight (digest of what may be shared),
--   answer (JSON, from the cache), its state, events (with what it says) and row (of the ledger)
--
-- Returns {kind, id or detail, more, rates…} with rates as `limits` gives them:
--   'accepted', id, BullMQ's priority      'followed', id, leader      'cached', id, ''
--   'bound', job that the key is bound to, ''      'reused', '', '' (the key, for another request)      'limited', '', ''
--   'overspent', which budget (from 1 on), what stands in it as JSON {spent, reserved, unsettled}
local FOLLOWERS_MAX = 500

local id, o = ARGV[1], cjson.decode(ARGV[2])
local key = KEYS[1]
local now = clock_ms()

local function reply(kind, detail, more, rates)
  return { kind, detail, more, unpack(rates or limits(o.limits.keys, { 'peek', '', unpack(o.limits.rows) })) }
end

-- A command that is sent again, because its reply was lost with the connection.
local known = redis.call('HMGET', key, 'createdMs', 'leader', 'cached', 'queuePriority')
if known[1] then
  if known[3] then
    return reply('cached', id, '')
  end
  return known[2] and reply('followed', id, known[2]) or reply('accepted', id, known[4])
end

if o.idempotency then
  local bound = redis.call('HMGET', K.idempotency(o.idempotency.digest), 'fingerprint', 'job')
  if bound[1] then
    return bound[1] == o.idempotency.fingerprint and reply('bound', bound[2], '') or reply('reused', '', '')
  end
end

-- The job in flight that this one may follow: equal, not to be stopped, and no less urgent.
local function find_leader()
  local leader = o.flight and not o.answer and redis.call('GET', K.flight(o.flight))
  if not leader then
    return nil
  end
  local state, stop, priority = unpack(redis.call('HMGET', K.job(leader), 'state', 'stop', 'priority'))
  if not state or is_final(state) or stop or tonumber(priority or '5') > o.priority then
    return nil
  end
  return redis.call('ZCARD', K.followers(leader)) < FOLLOWERS_MAX and leader or nil
end

local leader = find_leader()
local hold = not o.answer and o.hold
local rates
if hold then
  local day = utc_day(now)
  hold.at = now
  for _, budget in ipairs(hold.budgets) do
    budget.period = period_of(budget.period, day)
  end
  -- Looked at before the limits, which count a request that they let through.
  local refusing, spend = overspent(hold, hold.nano)
  if refusing then
    raise_exceeded({ tenant = o.tenant }, hold.budgets[refusing], spend, hold.nano, now)
    return reply('overspent', tostring(refusing), cjson.encode({
      spent = spend[1] or '0', reserved = spend[2] or '0', unsettled = spend[3] or '0',
    }))
  end
end
if not leader and not o.answer then
  local function is_held(job)
    local state, detached = unpack(redis.call('HMGET', K.job(job), 'state', 'detached'))
    return state and (detached or not is_final(state))
  end
  local counted_ms
  rates, counted_ms = limits(o.limits.keys, { 'admit', id, unpack(o.limits.rows) }, is_held)
  if hold then
    hold.at = counted_ms
  end
  if rates[1] == 0 then
    return reply('limited', '', '', rates)
  end
end

-- The record as it is written, so that it need not be read again.
local record = {}
local function set(...)
  redis.call('HSET', key, ...)
  for index = 1, select('#', ...), 2 do
    record[(select(index, ...))] = select(index + 1, ...)
  end
end
set('v', '1', 'state', 'queued', 'attempt', 0, 'createdMs', now, 'spendDay', utc_day(now), unpack(ARGV, 3))
redis.call('PEXPIRE', key, o.unfinished_ms)
if hold then
  if leader then
    -- It counts against no limit, but if it comes to lead, its call may not cost more than there is.
    hold.tokens, hold.places = 0, {}
  end
  set('hold', cjson.encode(hold))
  -- There was room a moment ago, in this same step.
  hold_reserve(id, hold)
  for _, budget in ipairs(hold.budgets) do
    local spend = K.spend(budget.subject, budget.period)
    redis.call('HSET', spend, 'limit', budget.limit)
    expire_spend(spend, budget.period)
  end
end
local function set_time(name, after_ms)
  if after_ms then
    set(name, now + after_ms)
  end
end
set_time('delayedUntilMs', o.delay_ms)
set_time('deadlineMs', o.deadline_ms)
set_time('startDeadlineMs', o.start_deadline_ms)
if o.idempotency then
  local binding = K.idempotency(o.idempotency.digest)
  redis.call('HSET', binding, 'fingerprint', o.idempotency.fingerprint, 'job', id)
  redis.call('PEXPIRE', binding, o.idempotency.kept_ms)
  set('idempotency', o.idempotency.digest)
end
if o.instance then
  redis.call('ZADD', K.readers(id), now + o.lease_ms, o.instance)
  redis.call('PEXPIRE', K.readers(id), o.unfinished_ms)
end
redis.call('SET', K.attach(o.attach), id, 'PX', o.attach_ms)

for kind, value in pairs({ all = '', open = '', user = record.user, model = record.target }) do
  redis.call('ZADD', K.job_index(record.tenant, kind, value), o.id_ms, id)
end

if o.answer then
  set('cached', '1')
  ledger_append(o.row, now)
  record.sequence = select(3, log_append(id, o.events, now))
  end_job(id, record, { state = o.state, answer = o.answer, free = true, now = now })
  return reply('cached', id, '')
end

if leader then
  local state, started, attempt = unpack(redis.call('HMGET', K.job(leader), 'state', 'startedMs', 'attempt'))
  if state == 'queued' then
    -- Who accepted it may have died before it had queued it: the keeper of time makes sure.
    redis.call('ZADD', K.unqueued, 'NX', now, leader)
  end
  redis.call('ZADD', K.followers(leader), now, id)
  redis.call('PEXPIRE', K.followers(leader), o.unfinished_ms)
  set('leader', leader, 'state', state, 'attempt', attempt or '0')
  if started then
    set('startedMs', started)
    notify(id, record, 'job.started', now)
  end
else
  if o.parked then
    park(id, o.lane, o.share, now)
    record.parked = '1'
  else
    local tag, queue_priority = fair_tag(o.lane, o.share, o.priority)
    set('tag', tag, 'queuePriority', queue_priority)
  end
  if o.flight then
    redis.call('SET', K.flight(o.flight), id, 'PX', o.unfinished_ms)
    set('flight', o.flight)
  end
end
set_due(id, record)
if leader then
  return reply('followed', id, leader)
end
return reply('accepted', id, record.queuePriority or '', rates)
