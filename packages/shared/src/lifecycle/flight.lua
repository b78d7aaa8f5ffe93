-- A flight: one provider call that several equal jobs share. Its leader is the job that the queue knows; each follower
-- is a record of its own that ends with the leader's answer and costs nothing. Needs end.lua and due.lua.

-- A failing flight changes its leader so often; then its followers fail too, or an outage would be paid for by every
-- one of them in turn.
local PROMOTIONS_MAX = 3

-- Ends those followers of a call that broke off whose readers have words of it that nobody can take back: for them,
-- another call would be paid for nobody.
local function end_told_followers(id, record, now)
  if record.dirty ~= '1' then
    return
  end
  for _, follower in ipairs(redis.call('ZRANGE', K.followers(id), 0, -1)) do
    local told = read_record(follower)
    if told.unrepeatable then
      redis.call('ZREM', K.followers(id), follower)
      end_job(follower, told, {
        state = 'failed', failure = BROKEN_OFF, free = true, releases_key = true, now = now,
      })
    end
  end
end

-- Makes the oldest follower the leader of the rest and of the flight, with the place in the queue and the log that
-- the old leader had. The caller has to add it to its lane; `unqueued` says so until a worker has begun it.
-- Returns its id, or nil without followers that can begin anew.
local function promote(id, record, reason, now)
  end_told_followers(id, record, now)
  local followers = redis.call('ZRANGE', K.followers(id), 0, -1)
  local heir = table.remove(followers, 1)
  if not heir then
    return nil
  end
  local key = K.job(heir)
  redis.call('HDEL', key, 'leader')
  if redis.call('HDEL', key, 'startedMs') == 1 then
    -- It had begun in time, with the old leader.
    redis.call('HDEL', key, 'startDeadlineMs')
  end
  -- With the losses: a request that kills its workers may not begin anew with every one who sent it.
  redis.call(
    'HSET', key, 'state', 'queued', 'promotions', tonumber(record.promotions or '0') + 1, 'losses', record.losses or '0',
    'tag', record.tag or '0', 'queuePriority', record.queuePriority or '1',
    'sequence', record.sequence or '0', 'logBytes', record.logBytes or '0'
  )
  if redis.call('EXISTS', K.log(id)) == 1 then
    redis.call('COPY', K.log(id), K.log(heir), 'REPLACE')
    redis.call('PEXPIRE', K.log(heir), redis.call('PTTL', key))
    local retrying = { type = 'retrying', attempt = 1, afterMs = 0, reason = reason, reset = record.dirty == '1' }
    log_append(heir, { cjson.encode(retrying) }, now)
  end
  redis.call('DEL', K.followers(id))
  for position, follower in ipairs(followers) do
    redis.call('ZADD', K.followers(heir), position, follower)
    redis.call('HSET', K.job(follower), 'leader', heir, 'state', 'queued')
  end
  if record.flight then
    redis.call('SET', K.flight(record.flight), heir, 'PX', redis.call('PTTL', key))
    redis.call('HSET', key, 'flight', record.flight)
  end
  redis.call('ZADD', K.unqueued, now, heir)
  set_due(heir, read_record(heir))
  log_moved(id)
  return heir
end

-- Ends every follower of a job as `o` says. The one who began the call has paid for it, or will.
-- o as for end_job, and: nano (what the answer has cost), target and provider (whose it is, where that is a fallback)
local function end_followers(id, o)
  local followers = redis.call('ZRANGE', K.followers(id), 0, -1)
  for _, follower in ipairs(followers) do
    local record = read_record(follower)
    if o.answer then
      record.callTarget, record.callProvider = o.target, o.provider
      local row = { call = 0, kind = 'coalesced', status = o.state, usageSource = 'none' }
      row.costNanoUsd, row.savedNanoUsd = '0', o.nano
      ledger_append(ledger_row(follower, record, row), o.now)
      redis.call('HINCRBY', K.cache_stats(), 'coalesced', 1)
      redis.call('HINCRBY', K.cache_stats(record.tenant), 'coalesced', 1)
    end
    end_job(follower, record, {
      state = o.state, answer = o.answer, failure = o.failure, free = true, run = o.run,
      releases_key = o.releases_key, now = o.now,
    })
  end
  redis.call('DEL', K.followers(id))
end
