/**
 * The spelling of keys for scripts that meet an id only on their way: a job's followers, its index, its log. The same
 * keys as in `keys.ts` (a test compares them), all in the slot of KEYS[1].
 */
export const keysLua = (tag: string): string => `
local K = {}
-- encodeURIComponent, byte by byte: its own UTF-8 makes the same text of well-formed characters.
function K.encode(text)
  return (string.gsub(text, "[^%w%-_%.!~%*'%(%)]", function(byte)
    return string.format('%%%02X', string.byte(byte))
  end))
end
function K.job(id) return '${tag}:job:' .. id end
function K.readers(id) return '${tag}:readers:' .. id end
function K.wake_channel(instance) return '${tag}:wake:' .. instance end
function K.log(id) return '${tag}:log:' .. id end
function K.log_channel(id) return '${tag}:log-channel:' .. id end
function K.followers(id) return '${tag}:followers:' .. id end
function K.flight(digest) return '${tag}:flight:' .. digest end
function K.idempotency(digest) return '${tag}:idempotency:' .. digest end
function K.gone(id) return '${tag}:gone:' .. id end
K.due = '${tag}:due'
K.unqueued = '${tag}:unqueued'
function K.parked(lane) return '${tag}:parked:' .. lane end
K.control = '${tag}:control'
function K.fair_clock(lane) return '${tag}:fair-clock:' .. lane end
function K.fair_flows(lane) return '${tag}:fair-flows:' .. lane end
function K.job_index(tenant, kind, value)
  return '${tag}:jobs:' .. tenant .. ':' .. kind .. ':' .. K.encode(value or '')
end
function K.attach(fingerprint) return '${tag}:attach:' .. fingerprint end
function K.cache_entry(digest) return '${tag}:cache:' .. digest end
K.cache_index = '${tag}:cache-index'
function K.cache_stats(tenant) return '${tag}:cache-stats' .. (tenant and ':' .. tenant or '') end
K.ledger = '${tag}:ledger'
function K.spend(subject, period) return '${tag}:spend:' .. period .. ':' .. subject end
K.webhook_outbox = '${tag}:webhook-outbox'
function K.webhook_endpoints(tenant) return '${tag}:webhook-endpoints:' .. tenant end
function K.webhook_delivery(id) return '${tag}:webhook-delivery:' .. id end
function K.webhook_deliveries(owner) return '${tag}:webhook-deliveries:' .. owner end
`;
