-- Whether somebody may ask for something now: sliding windows of requests and tokens, and places held by what is under
-- way. Functions, so that a script may decide on all limits and on what follows from them in one step.
--
-- limits(keys, args, is_held)   checks all rows, then records the request in all of them or in none
--   keys[i]      row i: a sorted set; no two rows may share one
--   args[1]      'admit', or 'peek' to write nothing
--   args[2]      id of the request; a log and held places know a repeat by it and do not count it again
--   args[4i-1]   kind of row i
--                  log    one entry a request: exact to the microsecond
--                  slots  weights, in slots of a thousandth of the window: a weight counts until its whole slot has left
--                         the window, so that no window ever holds more than the limit
--                  held   holders, each until it is released or its lease runs out
--   args[4i]     its limit
--   args[4i+1]   length of its window, or of its lease, in ms
--   args[4i+2]   what the request weighs in it; in a log and among holders it is always 1
--   is_held(id)  may be absent: whether a holder still is one. Who was lost with data would hold its place for a lease.
--   Returns { admitted 1|0, retryAfterMs, used 1, resetMs 1, used 2, resetMs 2, ... } and the time it went by in ms.
--
-- limits_correct(key, window_ms, at_ms, delta)   changes what was recorded in slots at that time, if it still counts
-- limits_release(key, id)                        gives a held place back
local limits, limits_correct, limits_release
do
  local SLOTS = 1000
  local HOLDERS_CHECKED_MAX = 20
  local HELD_RETRY_MS = 1000
  -- PEXPIRE counts from a clock of whole milliseconds, so a key could die before its last entry does.
  local EXPIRY_SLACK_MS = 1000

  -- The clock of Redis is the only one: those of the processes differ.
  local function clock_us()
    local clock = redis.call('TIME')
    return clock[1] * 1000000 + clock[2]
  end

  -- A whole quotient, exact below 2^53: a / b may round up to the next whole number, and so may Lua's a % b.
  local function floor_of(a, b)
    return (a - math.fmod(a, b)) / b
  end

  -- Digits: Lua's own text of a large number is 1e+15.
  local function text_of(number)
    return string.format('%d', number)
  end

  -- Slots are a sorted set of '<slot>:<weight>' by slot. One more member, 'sum', comes first: its score is -1 - the sum of
  -- all weights, so one look tells the sum and the oldest slot. Unless it only peeks, this takes off what has left the
  -- window; as a slot leaves once, that is cheap on the whole.
  local function read_slots(w, now_ms, peeking)
    w.slot_ms = math.ceil(w.ms / SLOTS)
    local head = redis.call('ZRANGE', w.key, 0, 1, 'WITHSCORES')
    w.used = head[2] and -1 - head[2] or 0
    w.oldest = tonumber(head[4])
    w.first = 1
    local left = floor_of(now_ms - w.ms, w.slot_ms) - 1
    if not w.oldest or w.oldest > left then
      return
    end
    local members = redis.call('ZRANGEBYSCORE', w.key, 0, text_of(left))
    for _, member in ipairs(members) do
      w.used = w.used - string.match(member, '%d+$')
    end
    if peeking then
      w.first = 1 + #members
    else
      redis.call('ZREMRANGEBYSCORE', w.key, 0, text_of(left))
      redis.call('ZADD', w.key, text_of(-1 - w.used), 'sum')
    end
    w.oldest = tonumber(redis.call('ZRANGE', w.key, w.first, w.first, 'WITHSCORES')[2])
  end

  local function slot_leaves_ms(w, slot)
    return (slot + 1) * w.slot_ms + w.ms
  end

  -- Adds to the weight of a slot, or takes from it what there is. Needs read_slots.
  local function change_slot(w, slot, delta)
    local member = w.oldest and redis.call('ZRANGEBYSCORE', w.key, text_of(slot), text_of(slot))[1]
    local before = member and tonumber(string.match(member, '%d+$')) or 0
    local after = math.max(0, before + delta)
    if after == before then
      return
    end
    w.used = w.used + after - before
    if member then
      redis.call('ZREM', w.key, member)
    end
    if after > 0 then
      redis.call(
        'ZADD', w.key, text_of(-1 - w.used), 'sum', text_of(slot), text_of(slot) .. ':' .. text_of(after)
      )
      w.oldest = math.min(w.oldest or slot, slot)
    else
      redis.call('ZADD', w.key, text_of(-1 - w.used), 'sum')
    end
    redis.call('PEXPIRE', w.key, w.ms + w.slot_ms + EXPIRY_SLACK_MS)
  end

  -- When so much will have left that there is room for `excess` more.
  local function slots_make_room_ms(w, excess)
    local CHUNK = 64
    local first = w.first
    local members
    repeat
      members = redis.call('ZRANGE', w.key, first, first + CHUNK - 1)
      for _, member in ipairs(members) do
        local slot, weight = string.match(member, '(%d+):(%d+)')
        excess = excess - weight
        if excess <= 0 then
          return slot_leaves_ms(w, slot)
        end
      end
      first = first + CHUNK
    until #members == 0
    error('the sum of ' .. w.key .. ' is more than its slots hold')
  end

  -- The kinds of row. `call` says what the caller wants, and when.

  local function log_kind(call)
    local kind = {}

    -- Time until the entry leaves that has `older` entries before it.
    local function ms_until_entry_leaves(w, older)
      local entry = redis.call('ZRANGEBYSCORE', w.key, w.since, '+inf', 'WITHSCORES', 'LIMIT', older, 1)
      return call.ms_until(entry[2] + w.ms * 1000)
    end

    function kind.read(w)
      w.weight = 1
      -- An entry that is exactly one window old counts no longer.
      local left = text_of(call.now_us - w.ms * 1000)
      w.since = '(' .. left
      if not call.peeking then
        redis.call('ZREMRANGEBYSCORE', w.key, '-inf', left)
        w.repeated = redis.call('ZSCORE', w.key, call.id)
      end
      w.used = redis.call('ZCOUNT', w.key, w.since, '+inf')
    end

    -- More than one entry has to leave where the limit was lowered.
    function kind.retry_ms(w, excess)
      return ms_until_entry_leaves(w, excess - 1)
    end

    function kind.reset_ms(w)
      return w.used == 0 and 0 or ms_until_entry_leaves(w, 0)
    end

    function kind.record(w)
      redis.call('ZADD', w.key, text_of(call.now_us), call.id)
      redis.call('PEXPIRE', w.key, w.ms + EXPIRY_SLACK_MS)
      w.used = w.used + 1
    end

    return kind
  end

  local function slots_kind(call)
    local kind = {}

    function kind.read(w)
      read_slots(w, call.now_ms, call.peeking)
    end

    function kind.retry_ms(w, excess)
      return call.ms_until(slots_make_room_ms(w, excess) * 1000)
    end

    function kind.reset_ms(w)
      return w.oldest and call.ms_until(slot_leaves_ms(w, w.oldest) * 1000) or 0
    end

    function kind.record(w)
      change_slot(w, floor_of(call.now_ms, w.slot_ms), w.weight)
    end

    return kind
  end

  local function held_kind(call)
    local kind = {}

    -- Takes holders away that are none any more, of the oldest ones: they are the likeliest.
    local function drop_lost(w)
      local since = '(' .. text_of(call.now_ms)
      local oldest = redis.call('ZRANGEBYSCORE', w.key, since, '+inf', 'LIMIT', 0, HOLDERS_CHECKED_MAX)
      for _, holder in ipairs(oldest) do
        if not call.is_held(holder) then
          w.used = w.used - 1
          if not call.peeking then
            redis.call('ZREM', w.key, holder)
          end
        end
      end
    end

    function kind.read(w)
      w.weight = 1
      if not call.peeking then
        redis.call('ZREMRANGEBYSCORE', w.key, '-inf', text_of(call.now_ms))
        w.repeated = redis.call('ZSCORE', w.key, call.id)
      end
      w.used = redis.call('ZCOUNT', w.key, '(' .. text_of(call.now_ms), '+inf')
      if call.is_held and w.used >= w.limit and not w.repeated then
        drop_lost(w)
      end
    end

    -- Nobody knows when what is under way will end.
    function kind.retry_ms()
      return HELD_RETRY_MS
    end

    function kind.reset_ms()
      return 0
    end

    function kind.record(w)
      redis.call('ZADD', w.key, text_of(call.now_ms + w.ms), call.id)
      redis.call('PEXPIRE', w.key, w.ms + EXPIRY_SLACK_MS)
      w.used = w.used + 1
    end

    return kind
  end

  -- Reads all rows. Returns them, whether the request has been counted before, and how long it has to wait: nil where no
  -- row refuses it.
  local function read_rows(keys, args, call)
    local makers = { log = log_kind, slots = slots_kind, held = held_kind }
    local kinds, rows = {}, {}
    local repeated, wait_ms = false, nil
    for i, key in ipairs(keys) do
      local name = args[4 * i - 1]
      kinds[name] = kinds[name] or makers[name](call)
      local w = {
        key = key, kind = kinds[name], limit = tonumber(args[4 * i]), ms = tonumber(args[4 * i + 1]),
        weight = tonumber(args[4 * i + 2]),
      }
      rows[i] = w
      w.kind.read(w)
      repeated = repeated or w.repeated
      local excess = w.used + w.weight - w.limit
      if w.weight > w.limit or w.limit < 1 then
        -- Nothing ever leaves room for it: one window is as good an answer as any.
        wait_ms = math.max(wait_ms or 0, w.ms)
      elseif excess > 0 then
        wait_ms = math.max(wait_ms or 0, w.kind.retry_ms(w, excess))
      end
    end
    return rows, repeated, wait_ms
  end

  function limits(keys, args, is_held)
    local now_us = clock_us()
    local call = {
      now_us = now_us, now_ms = floor_of(now_us, 1000), id = args[2], peeking = args[1] ~= 'admit', is_held = is_held,
      ms_until = function(us) return math.max(0, math.ceil((us - now_us) / 1000)) end,
    }
    local rows, repeated, wait_ms = read_rows(keys, args, call)
    local admitted = repeated or not wait_ms
    if admitted and not call.peeking and not repeated then
      for _, w in ipairs(rows) do
        w.kind.record(w)
      end
    end
    local reply = { admitted and 1 or 0, admitted and 0 or wait_ms }
    for _, w in ipairs(rows) do
      reply[#reply + 1] = w.used
      reply[#reply + 1] = w.kind.reset_ms(w)
    end
    return reply, call.now_ms
  end

  function limits_correct(key, window_ms, at_ms, delta)
    local now_ms = floor_of(clock_us(), 1000)
    local w = { key = key, ms = tonumber(window_ms) }
    read_slots(w, now_ms)
    local slot = floor_of(tonumber(at_ms), w.slot_ms)
    if slot_leaves_ms(w, slot) > now_ms then
      change_slot(w, slot, tonumber(delta))
    end
  end

  function limits_release(key, id)
    redis.call('ZREM', key, id)
  end
end
