-- Who reads a job: instances, each with a lease. Needs the lifecycle.
--
-- ARGV[1] 'join' or 'renew' (until now + ARGV[3]), 'leave', or 'dispense' (from now on the job needs no reader);
-- ARGV[2] instance, ARGV[3] lease in ms, ARGV[4] how long the list is kept (ms); KEYS[i] record of job ARGV[4 + i]
--
-- A job that has ended has no readers any more: nothing would ever clear them away.
local mode, instance = ARGV[1], ARGV[2]
local now = clock_ms()
for index = 1, #KEYS do
  local id = ARGV[4 + index]
  local state, attended = unpack(redis.call('HMGET', KEYS[index], 'state', 'graceMs'))
  if state and not is_final(state) then
    if mode == 'leave' then
      redis.call('ZREM', K.readers(id), instance)
      redis.call('HSET', KEYS[index], 'unreadMs', now)
    elseif mode == 'dispense' then
      redis.call('HDEL', KEYS[index], 'graceMs')
    -- One that has left meanwhile is not made a reader again by a renewal that was under way.
    elseif mode == 'join' or redis.call('ZSCORE', K.readers(id), instance) then
      redis.call('ZADD', K.readers(id), now + ARGV[3], instance)
      redis.call('PEXPIRE', K.readers(id), ARGV[4])
    end
    -- A longer lease is noticed when the old time comes: only an end that is nearer has to be told.
    if attended and mode ~= 'renew' then
      set_due(id, read_record(id))
    end
  end
end
return #KEYS
