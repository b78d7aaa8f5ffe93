-- What jobs cost: the rows of the ledger on their way to Postgres, what has been spent in a period, and what is held
-- back for calls under way. Needs the keys and the limits.
--
-- A hold is what a job was promised at its acceptance, as JSON in its record. Amounts are decimal texts, because cjson
-- writes 14 digits of a number:
--   nano     what one call may cost at most, in nano-dollars
--   budgets  {{subject, period, limit, alerts {per cent, …}}, …}: in whose `reserved` that is, while `holding` is set
--   tokens   what the token windows {{key, ms}, …} counted for it, `at` that time
--   places   keys of the concurrency limits in which it has a place
--
-- Of every budget, spent + reserved + unsettled never passes the limit, as long as no call costs more than its hold:
-- a call that is over moves its cost to `spent` and gives the hold back; a call whose worker died, or of which no word came
-- back, leaves its whole hold as `unsettled`, until its true outcome is known; and another call needs another hold.
local DAY_KEPT_MS = 17 * 24 * 3600 * 1000 -- longer than a job can wait for its end
local MONTH_KEPT_MS = 100 * 24 * 3600 * 1000
local USER_KEPT_MS = 400 * 24 * 3600 * 1000 -- after its last call: clients make up users as they like

-- The UTC date of a time in ms, as `2026-11-24` (Howard Hinnant's civil_from_days: Redis has no os.date).
local function utc_day(ms)
  local floor = math.floor
  local days = floor(ms / 86400000) + 719468
  local era = floor(days / 146097)
  local of_era = days - era * 146097
  local year_of_era = floor((of_era - floor(of_era / 1460) + floor(of_era / 36524) - floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year_of_era + floor(year_of_era / 4) - floor(year_of_era / 100))
  local month_from_march = floor((5 * of_year + 2) / 153)
  local day = of_year - floor((153 * month_from_march + 2) / 5) + 1
  local month = month_from_march < 10 and month_from_march + 3 or month_from_march - 9
  local year = year_of_era + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02d', year, month, day)
end

-- The name of a period that a day lies in.
local function period_of(kind, day)
  return kind == 'total' and 'total' or kind == 'month' and string.sub(day, 1, 7) or day
end

local function ledger_append(row, now)
  redis.call('XADD', K.ledger, '*', 'row', row, 't', string.format('%d', now))
end

-- A row made here, of a call or a request without one. The call under way may be one of a fallback.
local function ledger_row(id, record, row)
  row.generation, row.tenant, row.key, row.user = id, record.tenant, record.key or '', record.user
  row.model, row.provider = record.callTarget or record.target, record.callProvider or record.lane
  row.endpoint, row.request = record.endpoint, record.request
  row.priceVersion, row.latencyMs, row.firstTokenMs, row.providerRequest = cjson.null, cjson.null, cjson.null, cjson.null
  return cjson.encode(row)
end

-- The counters of days and months go by themselves, some time after their last use.
local function expire_spend(key, period)
  if period ~= 'total' then
    redis.call('PEXPIRE', key, #period == 7 and MONTH_KEPT_MS or DAY_KEPT_MS)
  end
end

local function budgets_add(hold, field, nano)
  if tonumber(nano) == 0 then
    return -- HINCRBY takes no '-0'
  end
  for _, budget in ipairs(hold.budgets) do
    local key = K.spend(budget.subject, budget.period)
    redis.call('HINCRBY', key, field, nano)
    expire_spend(key, budget.period)
  end
end

-- The first budget that so much more would overspend, with what stands in it; nil when all have room. A job that was
-- accepted before a limit was raised (`is_earlier`) has the room that others have since.
local function overspent(hold, nano, is_earlier)
  for index, budget in ipairs(hold.budgets) do
    local spend = redis.call('HMGET', K.spend(budget.subject, budget.period), 'spent', 'reserved', 'unsettled', 'limit')
    local sum = tonumber(spend[1] or '0') + tonumber(spend[2] or '0') + tonumber(spend[3] or '0')
    local limit = tonumber(budget.limit)
    if is_earlier then
      limit = math.max(limit, tonumber(spend[4] or '0'))
    end
    if sum + tonumber(nano) > limit then
      return index, spend
    end
  end
end

-- Takes back what was left unsettled, unless an operator has written it off.
local function release_unsettled(hold)
  for _, budget in ipairs(hold.budgets) do
    local key = K.spend(budget.subject, budget.period)
    local left = tonumber(redis.call('HGET', key, 'unsettled') or '0') - tonumber(hold.nano)
    redis.call('HSET', key, 'unsettled', string.format('%d', math.max(0, left)))
  end
end

local function hold_of(record)
  return record.hold and cjson.decode(record.hold)
end

-- Reserves a call's worth in all budgets, which have room for it.
local function hold_reserve(id, hold)
  budgets_add(hold, 'reserved', hold.nano)
  redis.call('HSET', K.job(id), 'holding', '1')
end

-- The same where there is room. False when a budget has none; then nothing is reserved.
local function hold_take(id, hold, is_earlier)
  if overspent(hold, hold.nano, is_earlier) then
    return false
  end
  hold_reserve(id, hold)
  return true
end

local function hold_give_back(id, hold)
  if redis.call('HDEL', K.job(id), 'holding') == 1 then
    budgets_add(hold, 'reserved', '-' .. hold.nano)
  end
end

-- Leaves word of a budget for whoever wants to know.
local function tell_of_budget(kind, record, budget, spent, percent, now, ...)
  redis.call(
    'XADD', K.webhook_outbox, '*', 'type', kind, 'tenant', record.tenant, 'subject', budget.subject, 'period',
    budget.period, 'limit', budget.limit, 'spent', string.format('%d', spent), 'percent', percent, 't',
    string.format('%d', now), ...
  )
end

-- That a budget has refused a request. A client that goes on asking would be a flood: so it is told once for every tenth
-- of the budget that is used up, in every period and for every limit.
local function raise_exceeded(record, budget, spend, needed, now)
  local key = K.spend(budget.subject, budget.period)
  local spent, reserved, unsettled = spend[1] or '0', spend[2] or '0', spend[3] or '0'
  local used, limit = tonumber(spent) + tonumber(reserved) + tonumber(unsettled), tonumber(budget.limit)
  local percent = limit == 0 and 100 or math.min(100, math.floor(100 * used / limit))
  local mark = string.format('exceededMs:%s:%d', budget.limit, math.floor(percent / 10))
  if redis.call('HSETNX', key, mark, now) == 1 then
    expire_spend(key, budget.period)
    tell_of_budget(
      'budget.exceeded', record, budget, spent, percent, now, 'reserved', reserved, 'unsettled', unsettled, 'needed', needed
    )
  end
end

local function raise_alerts(record, hold, nano, now)
  for _, budget in ipairs(hold.budgets) do
    local after = tonumber(redis.call('HGET', K.spend(budget.subject, budget.period), 'spent'))
    local before = after - tonumber(nano)
    local reached
    for _, percent in ipairs(budget.alerts) do
      local mark = tonumber(budget.limit) * percent / 100
      if before < mark and after >= mark and percent > (reached or 0) then
        reached = percent
      end
    end
    if reached then
      tell_of_budget('budget.threshold', record, budget, after, reached, now)
    end
  end
end

-- Counts what a call has cost, for all who are accountable for it, whether they have a budget or not: one that is set
-- later knows what has been spent.
local function charge(record, hold, nano, now)
  if nano == '0' then
    return
  end
  local day = record.spendDay or utc_day(now)
  local subjects = { 'tenant:' .. record.tenant, 'user:' .. record.tenant .. ':' .. K.encode(record.user) }
  if record.key and record.key ~= '' then
    subjects[3] = 'key:' .. record.key
  end
  for _, subject in ipairs(subjects) do
    local total = K.spend(subject, 'total')
    redis.call('HINCRBY', total, 'spent', nano)
    if string.sub(subject, 1, 5) == 'user:' then
      redis.call('PEXPIRE', total, USER_KEPT_MS)
    end
    for _, kind in ipairs({ 'month', 'day' }) do
      local period = period_of(kind, day)
      local key = K.spend(subject, period)
      if redis.call('HINCRBY', key, 'spent', nano) == tonumber(nano) then
        expire_spend(key, period)
      end
    end
  end
  if hold then
    raise_alerts(record, hold, nano, now)
  end
end

-- Corrects the token windows by what was used beyond what they count already.
local function correct_tokens(hold, tokens)
  for _, window in ipairs(hold and hold.windows or {}) do
    limits_correct(window[1], window[2], hold.at, tokens)
  end
end

-- Leaves a call unsettled, because its run will not tell of it any more, or nobody was told what it costs. What was held
-- for it is kept back. `call` and `row` (JSON text) are as its run says; absent: that of the run that has the job.
local function leave_call(id, record, now, call, row)
  call = call or record.calls or '0'
  if redis.call('HSETNX', K.job(id), 'call:' .. call, 'unsettled') == 0 then
    return
  end
  if not row then
    row = { call = tonumber(call), kind = 'call', status = 'unsettled', usageSource = 'unknown', costNanoUsd = cjson.null }
    row = ledger_row(id, record, row)
  end
  ledger_append(row, now)
  local hold = hold_of(record)
  if hold and redis.call('HDEL', K.job(id), 'holding') == 1 then
    budgets_add(hold, 'reserved', '-' .. hold.nano)
    budgets_add(hold, 'unsettled', hold.nano)
  end
end

-- Books a provider call: once, whoever says it again.
-- o: call (its number), row (JSON text), nano (its cost, decimal text), tokens, isUnknown (nobody was told what it costs)
local function book_call(id, record, o, now)
  if o.isUnknown then
    return leave_call(id, record, now, o.call, o.row)
  end
  local was = redis.call('HGET', K.job(id), 'call:' .. o.call)
  if was == 'booked' then
    return
  end
  redis.call('HSET', K.job(id), 'call:' .. o.call, 'booked')
  ledger_append(o.row, now)
  local hold = hold_of(record)
  charge(record, hold, o.nano, now)
  if was == 'unsettled' and hold then
    release_unsettled(hold)
  end
  if is_final(record.state) then
    correct_tokens(hold, o.tokens)
  elseif hold then
    redis.call('HINCRBY', K.job(id), 'usedTokens', o.tokens)
  end
end

-- Gives back what is held as long as a call may go on: the places, and what is reserved for it. Nothing where nothing is
-- held.
local function end_hold(id, hold)
  if not hold then
    return
  end
  for _, place in ipairs(hold.places) do
    limits_release(place, id)
  end
  hold_give_back(id, hold)
end

-- Lets go of what a job that ends, or is taken back, has held. `keeps_run`: its call goes on, with what is held for it.
local function let_go(id, record, keeps_run)
  local hold = hold_of(record)
  if not hold then
    return
  end
  local used = tonumber(redis.call('HGET', K.job(id), 'usedTokens') or '0')
  correct_tokens(hold, used - hold.tokens)
  if not keeps_run then
    end_hold(id, hold)
  end
end
