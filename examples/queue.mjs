// How a job is queued: how urgent it is, from when on, until when, and whether it waits for a word.
import { call } from './gateway.mjs';

const submit = async (name, options) => {
  const body = { prompt: `Say ${name}`, model: 'gpt-4o-mini', user_id: 'example-queue' };
  const { body: job } = await call('POST', '/v1/jobs', { endpoint: '/v1/generate', body, custom_id: name, ...options });
  return job;
};
const urgent = await submit('urgent', { priority: 1 });
const later = await submit('later', { delay_s: 2 });
const timely = await submit('timely', { start_deadline_s: 60, deadline_s: 120, result_ttl_s: 600 });
const held = await submit('held', { hold: true });
console.log(`held: ${held.status}, ${held.held}`);
await call('POST', `/v1/jobs/${held.id}/release`);

for (const job of [urgent, later, timely, held]) {
  const { body } = await call('GET', job.urls.self, undefined, { prefer: 'wait=20' });
  console.log(`${body.custom_id}: ${body.status}, priority ${body.priority}, kept until ${body.expires_at}`);
}

const { body: list } = await call('GET', '/v1/jobs?user_id=example-queue&status=completed&limit=3');
console.log(`the last ${list.data.length} of this user: ${list.data.map((job) => job.custom_id).join(', ')}`);
