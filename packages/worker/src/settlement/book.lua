-- Books the call of a run that has its job no longer. Needs the lifecycle.
--
-- KEYS[1] the job's record
-- ARGV[1] id, ARGV[2] what the call came to, as JSON for book_call
local record = read_record(ARGV[1])
local call = cjson.decode(ARGV[2])
if not record.state then
  if not call.isUnknown then
    ledger_append(call.row, clock_ms())
  end
  return
end
book_call(ARGV[1], record, call, clock_ms())
