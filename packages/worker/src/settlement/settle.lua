-- Ends a job, once: final state, answer or failure, the rest of its log, its cost, cache entry, webhooks and the notices
-- to those who read it, in one atomic step; and with it every job that shared its call. Needs the lifecycle and
-- cache_put. The first answer to get here wins, because it is paid for, whosever it is. A failure is heard only from
-- the run that has the job: one that was taken for dead may not fail it over the head of its successor.
--
-- KEYS[1] record
-- ARGV[1] job id, ARGV[2] run, ARGV[3] what it came to, as JSON: state, answer and failure (JSON texts, each may be
-- absent), call (for book_call; absent when no provider was called), target and provider (of a fallback's answer), retryable (another try could end better),
-- releases_key, cache ({digest, ttl_ms, max_bytes, fields} or absent), snapshot (the text of the answer as an event,
-- as JSON; absent until asked for by 'late'); ARGV[4…] events for the log, as JSON
--
-- Returns {'settled', heir or ''}, also to a repeat of the run that ended the job: a command whose reply is lost with
-- the connection is sent again; {'ended'} when another run ended it, {'superseded'} for a failure that is not heard,
-- {'missing'} when the record has expired: then nothing is booked; {'late'} to be called again with the snapshot. An
-- heir has to be added to the lane.
local id, run, o = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local record = read_record(id)
if not record.state then
  return { 'missing' }
end
local final = is_final(record.state)
local for_others = final and record.detached == '1'
if final and not for_others then
  return { record.endedBy == run and 'settled' or 'ended', '' }
end
if not o.answer and record.run ~= run then
  return { 'superseded' }
end

local is_late = record.run ~= run and o.answer
if is_late and not o.snapshot then
  -- Not made here: cjson refuses text that ends in half a surrogate pair.
  return { 'late' }
end

local now = clock_ms()
o.now, o.run = now, run
if o.call then
  book_call(id, record, o.call, now)
  o.nano = o.call.nano
end
if record.run and record.run ~= run then
  -- The call of the run in its place is under way still.
  leave_call(id, record, now)
end
if is_late then
  -- A run that was taken for dead brings the answer after all: text of the run in its place is not part of it.
  record.sequence = select(3, log_append(id, { o.snapshot }, now))
elseif #ARGV > 3 and record.run == run then
  record.sequence = select(3, log_append(id, { unpack(ARGV, 4) }, now))
end

local has_followers = redis.call('ZCARD', K.followers(id)) > 0
local heir
if has_followers and o.retryable and tonumber(record.promotions or '0') < PROMOTIONS_MAX then
  heir = promote(id, record, o.reason, now)
  has_followers = false
end

if for_others then
  redis.call('HDEL', KEYS[1], 'run', 'detached', 'stop')
  redis.call('HSET', KEYS[1], 'endedBy', run)
  if o.answer then
    redis.call('HSET', KEYS[1], 'answer', o.answer)
    redis.call('HDEL', KEYS[1], 'free')
  end
  end_hold(id, hold_of(record))
else
  end_job(id, record, o)
end
if has_followers then
  end_followers(id, o)
end
if o.cache then
  cache_put(record, o.answer, o.cache, now)
end
return { 'settled', heir or '' }
