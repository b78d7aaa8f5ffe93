-- Stops a job because its owner says so. Needs the lifecycle.
--
-- KEYS[1] record
-- ARGV[1] job id
--
-- Returns {1 when the job had a place in the queue that nobody needs any more, the id of a job that now has to be added
-- to the lane or ''}.
local id = ARGV[1]
local record = read_record(id)
local outcome, heir = stop_job(id, 'cancel', clock_ms())
-- A follower has no place of its own, and that of a job whose call goes on for others is still needed.
local is_queued = outcome == 'ended' and not record.leader and not record.run
return { is_queued and 1 or 0, heir or '' }
