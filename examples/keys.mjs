// A tenant with a key that may spend one cent a day: what fits is answered, what could cost more is refused before it is
// asked of anybody, and the ledger says what it came to. Needs ADMIN_API_KEY; `npm start` says where it keeps the one it made.
import { call } from './gateway.mjs';

const admin = { authorization: `Bearer ${process.env.ADMIN_API_KEY}` };
const tenant = `example-${Date.now().toString(36)}`;

await call('POST', '/v1/admin/tenants', { id: tenant, name: 'Example' }, admin);
const { status, body: created } = await call(
  'POST',
  '/v1/admin/keys',
  {
    tenant_id: tenant,
    name: 'nightly report',
    budgets: [{ period: 'day', limit_usd: 0.01 }],
    limits: { requests_per_minute: 60, tokens_per_minute: 20000, concurrency: 5 },
  },
  admin,
);
if (status !== 201) throw new Error(JSON.stringify(created));
console.log(`${created.id}: ${created.key.slice(0, 6)}… (shown this once)`);

const withKey = { authorization: `Bearer ${created.key}` };
const ask = (more) =>
  call('POST', '/v1/generate', { prompt: `Report for ${tenant}`, model: 'gpt-4o', ...more }, withKey);

const answer = await ask({ max_tokens: 100 });
console.log(`with max_tokens 100: ${answer.status}, ${answer.body.cost_usd} USD`);
const refused = await ask({});
console.log(`with the model's own limit: ${refused.status} ${refused.body.code}`);
console.log(refused.body.detail);

const { body: own } = await call('GET', '/v1/key', undefined, withKey);
const [budget] = own.budgets;
console.log(`left today: ${budget.remaining_usd} of ${budget.limit_usd} USD`);
const { body: usage } = await call('GET', `/v1/usage/${created.id}`, undefined, withKey);
console.log(`the ledger: ${usage.total_requests} request, ${usage.total_tokens} tokens, ${usage.total_cost_usd} USD`);

const { body: rotated } = await call('POST', `/v1/admin/keys/${created.id}/rotate`, { overlap_s: 60 }, admin);
console.log(`rotated: ${rotated.key === created.key ? 'the same' : 'another'} secret, the old one works for a minute`);
await call('DELETE', `/v1/admin/keys/${created.id}`, undefined, admin);
const revoked = await call('GET', '/v1/key', undefined, { authorization: `Bearer ${rotated.key}` });
console.log(`revoked: ${revoked.status}`);
