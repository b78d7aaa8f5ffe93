-- Stops a job before its work is done. Needs flight.lua. read_stops says what each reason makes of a job that has
-- not been begun and of one that runs: {before = {state, failure}, running = {state, failure}}; it stands before this file.

-- Tells the worker that has the job's run to give it up; what was used until then is charged when it does.
local function request_stop(id, reason, now)
  redis.call('HSET', K.job(id), 'stop', reason)
  redis.call('HSETNX', K.job(id), 'cancelRequestedMs', now)
  redis.call('PUBLISH', K.control, id .. ' ' .. reason)
end

-- To be called when a job follows another one no longer: a leader that has left itself is told to give its call up when
-- this was the last one to want the answer.
local function left_by_follower(leader, reason, now)
  if redis.call('HGET', K.job(leader), 'detached') == '1' and redis.call('ZCARD', K.followers(leader)) == 0 then
    request_stop(leader, reason, now)
  end
end

-- Gives the followers of a leader that has ended itself a leader of their own, when the call that went on for them has
-- come to nothing: another one is not what the old leader has reserved for. Returns the heir's id, or nil.
local function hand_over(id, record, reason, now)
  local heir = promote(id, record, reason, now)
  redis.call('HDEL', K.job(id), 'detached', 'run', 'stop')
  end_hold(id, hold_of(record))
  return heir
end

-- Returns 'missing', 'unchanged' (it had ended), 'stopping' or 'ended'; and the id of a job that now has to be added
-- to the lane in its place, if there is one.
local function stop_job(id, reason, now)
  local record = read_record(id)
  if not record.state then
    return 'missing'
  end
  if is_final(record.state) then
    return 'unchanged'
  end
  local stop = read_stops()[reason][record.startedMs and 'running' or 'before']
  local ending = { state = stop.state, failure = stop.failure, releases_key = stop.releases_key, now = now }

  if record.leader then
    ending.free = true
    end_job(id, record, ending)
    left_by_follower(record.leader, reason, now)
    return 'ended'
  end

  local has_followers = redis.call('ZCARD', K.followers(id)) > 0
  if not record.run then
    local heir = has_followers and promote(id, record, 'leader_left', now) or nil
    end_job(id, record, ending)
    return 'ended', heir
  end
  if has_followers then
    -- The call goes on for the others; who began it has reserved what it costs, and pays.
    redis.call('HSET', K.job(id), 'detached', '1')
    ending.free, ending.keeps_run = true, true
    end_job(id, record, ending)
    -- Its own readers hear where their job has ended before they hear what the call says to the others.
    log_moved(id)
    return 'ended'
  end
  if not record.stop then
    request_stop(id, reason, now)
  end
  return 'stopping'
end
