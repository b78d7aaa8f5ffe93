-- Takes a job that has ended away: its record, its log and its place in every list. Needs the keys.
local function erase(id, record)
  for kind, value in pairs({ all = '', user = record.user, model = record.target, state = record.state }) do
    redis.call('ZREM', K.job_index(record.tenant, kind, value), id)
  end
  redis.call('UNLINK', K.job(id), K.log(id), K.readers(id), K.followers(id))
  redis.call('ZREM', K.due, id)
end
