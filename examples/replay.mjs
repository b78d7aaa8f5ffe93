// The same request twice under one Idempotency-Key, as after a lost connection: one generation, the same answer.
import { randomUUID } from 'node:crypto';
import { call } from './gateway.mjs';

const key = { 'idempotency-key': randomUUID() };
const asked = { prompt: 'Name a colour', model: 'gpt-4o', user_id: 'example-replay', temperature: 1 };
const first = await call('POST', '/v1/generate', asked, key);
const again = await call('POST', '/v1/generate', asked, key);
console.log(`${first.body.job_id}, then ${again.body.job_id}`);
console.log(
  `replayed: ${again.headers.get('idempotent-replayed')}, same answer: ${first.body.completion === again.body.completion}`,
);

const other = await call('POST', '/v1/generate', { ...asked, prompt: 'Name a shape' }, key);
console.log(`another request under that key: ${other.status} ${other.body.code}`);
