-- The sliding windows of one request: all are checked, then the request is recorded in all of them or in none.
-- A function, so that a script may decide on a limit and on what follows from it in one step.
--
-- keys[i]     window i: a sorted set (log) or a hash (counter)
-- args[1]     'admit', or 'peek' to read only
-- args[2]     id of the request; a log knows a repeat by it and does not count it again
-- args[3i]    kind of window i: 'log' (one entry a request) or 'counter' (two fixed buckets)
-- args[3i+1]  its limit
-- args[3i+2]  its length in ms
-- Return      { admitted 1|0, retryAfterMs, used 1, resetMs 1, used 2, resetMs 2, ... }
local function sliding_windows(keys, args)
  -- The clock of Redis is the only one: those of the api processes differ.
  local clock = redis.call('TIME')
  local nowUs = clock[1] * 1000000 + clock[2]
  local nowMs = math.floor(nowUs / 1000)

  local recording = args[1] == 'admit'
  local id = args[2]

  -- PEXPIRE counts from a clock of whole milliseconds, so a key could die before its last entry does.
  local EXPIRY_SLACK_MS = 1000

  -- Whole quotients, exact below 2^53: a / b may round up to the next whole number, and so may Lua's a % b.
  local function floorOf(a, b)
    return (a - math.fmod(a, b)) / b
  end

  local function ceilOf(a, b)
    return floorOf(a, b) + (math.fmod(a, b) > 0 and 1 or 0)
  end

  local function msUntil(us)
    return math.max(0, math.ceil((us - nowUs) / 1000))
  end

  local log = {}

  function log.read(w)
    -- Exclusive: an entry that is exactly one window old counts no longer.
    w.since = string.format('(%d', nowUs - w.us)
    w.used = redis.call('ZCOUNT', w.key, w.since, '+inf')
    local at = recording and redis.call('ZSCORE', w.key, id)
    w.repeated = at and tonumber(at) > nowUs - w.us
  end

  -- Time until the entry leaves that has `older` entries before it.
  function log.msUntilEntryLeaves(w, older)
    local entry = redis.call('ZRANGEBYSCORE', w.key, w.since, '+inf', 'WITHSCORES', 'LIMIT', older, 1)
    return msUntil(entry[2] + w.us)
  end

  function log.retryMs(w)
    -- More than one entry has to leave where the limit was lowered.
    return log.msUntilEntryLeaves(w, w.used - w.limit)
  end

  function log.resetMs(w)
    return w.used == 0 and 0 or log.msUntilEntryLeaves(w, 0)
  end

  function log.record(w)
    redis.call('ZREMRANGEBYSCORE', w.key, '-inf', string.format('%d', nowUs - w.us))
    redis.call('ZADD', w.key, string.format('%d', nowUs), id)
    redis.call('PEXPIRE', w.key, w.ms + EXPIRY_SLACK_MS)
    w.used = w.used + 1
  end

  local counter = {}

  function counter.read(w)
    local bucket = floorOf(nowMs, w.ms)
    local stored = redis.call('HMGET', w.key, 'bucket', 'current', 'previous')
    local storedBucket = tonumber(stored[1])
    w.bucket, w.current, w.previous = bucket, 0, 0
    if storedBucket and storedBucket >= bucket then
      -- Later than now: the clock was set back. The newer count stands.
      w.bucket, w.current, w.previous = storedBucket, tonumber(stored[2]), tonumber(stored[3])
    elseif storedBucket == bucket - 1 then
      w.previous = tonumber(stored[2])
    end
    w.startMs = w.bucket * w.ms
    local leftMs = w.ms - math.max(0, nowMs - w.startMs)
    w.faded = ceilOf(w.previous * leftMs, w.ms)
    w.used = w.current + w.faded
  end

  -- When `count`, which fades to nothing within one window from `startMs` on, weighs no more than `weight`.
  function counter.msUntilFaded(w, count, weight, startMs)
    local fadeMs = weight >= count and 0 or w.ms - floorOf(weight * w.ms, count)
    return msUntil((startMs + fadeMs) * 1000)
  end

  function counter.retryMs(w)
    local room = w.limit - 1 - w.current
    if room >= 0 then
      return counter.msUntilFaded(w, w.previous, room, w.startMs)
    end
    -- The current bucket alone fills the limit: it must become the previous one and fade.
    return counter.msUntilFaded(w, w.current, w.limit - 1, w.startMs + w.ms)
  end

  function counter.resetMs(w)
    if w.faded > 0 then
      return counter.msUntilFaded(w, w.previous, w.faded - 1, w.startMs)
    elseif w.current > 0 then
      return counter.msUntilFaded(w, w.current, w.current - 1, w.startMs + w.ms)
    end
    return 0
  end

  function counter.record(w)
    w.current = w.current + 1
    w.used = w.used + 1
    redis.call('HSET', w.key, 'bucket', string.format('%d', w.bucket), 'current', w.current, 'previous', w.previous)
    redis.call('PEXPIRE', w.key, 2 * w.ms + EXPIRY_SLACK_MS)
  end

  local kinds = { log = log, counter = counter }

  local windows = {}
  local full = false
  local repeated = false
  local retryMs = 0
  for i, key in ipairs(keys) do
    local ms = tonumber(args[3 * i + 2])
    local w = { key = key, kind = kinds[args[3 * i]], limit = tonumber(args[3 * i + 1]), ms = ms, us = ms * 1000 }
    windows[i] = w
    w.kind.read(w)
    repeated = repeated or w.repeated
    if w.used >= w.limit then
      full = true
      -- Nothing ever leaves room under a limit of 0: one window is as good an answer as any.
      retryMs = math.max(retryMs, w.limit < 1 and w.ms or w.kind.retryMs(w))
    end
  end

  local admitted = repeated or not full
  if recording and not repeated and not full then
    for _, w in ipairs(windows) do
      w.kind.record(w)
    end
  end

  local reply = { admitted and 1 or 0, admitted and 0 or retryMs }
  for _, w in ipairs(windows) do
    reply[#reply + 1] = w.used
    reply[#reply + 1] = w.kind.resetMs(w)
  end
  return reply
end
