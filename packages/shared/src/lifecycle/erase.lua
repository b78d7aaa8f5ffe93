-- Takes a job that has ended away: its record, its log and its place in every list. Needs the keys and the books.
local function erase(id, record)
  -- A leader that left holds on to what its call needs until its call has come to something; a call that is put off, and that
  -- nobody waits for any more, will not.
  end_hold(id, hold_of(record))
  for kind, value in pairs({ all = '', user = record.user, model = record.target, state = record.state }) do
    redis.call('ZREM', K.job_index(record.tenant, kind, value), id)
  end
  redis.call('UNLINK', K.job(id), K.log(id), K.readers(id), K.followers(id))
  redis.call('ZREM', K.due, id)
end
