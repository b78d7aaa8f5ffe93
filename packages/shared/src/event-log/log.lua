-- The log of a job: a stream whose entry ids are the job's own dense sequence numbers (`<n>-0`, from 1 on; 0 is the
-- job's acceptance, which its record tells). Whoever follows the log hears every entry as it is written, numbered, so
-- that a lost message is noticed. Entries are JSON texts of `contracts/event.ts`.
local LOG_ENTRY_BYTES = 64 -- what Redis keeps beside the text of an entry

-- Returns how many connections heard of it, how large the log is now, and the number of its last entry.
local function log_append(id, events, now)
  local record = K.job(id)
  local first = tonumber(redis.call('HGET', record, 'sequence') or '0') + 1
  local bytes = 0
  for index, event in ipairs(events) do
    redis.call('XADD', K.log(id), string.format('%d-0', first + index - 1), 't', now, 'e', event)
    bytes = bytes + #event + LOG_ENTRY_BYTES
  end
  local last = first + #events - 1
  redis.call('HSET', record, 'sequence', last)
  local total = redis.call('HINCRBY', record, 'logBytes', bytes)
  if first == 1 then
    redis.call('PEXPIRE', K.log(id), redis.call('PTTL', record))
  end
  local heard = redis.call(
    'PUBLISH', K.log_channel(id), string.format('%d %d [%s]', first, now, table.concat(events, ','))
  )
  return heard, total, last
end

-- Says on a log's channel that its followers have to look anew where they belong.
local function log_moved(id)
  redis.call('PUBLISH', K.log_channel(id), 'moved')
end
