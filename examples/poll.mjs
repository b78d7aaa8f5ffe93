// Submit, and come back for the result. The job needs nobody who waits: this process could end in between.
import { setTimeout as pause } from 'node:timers/promises';
import { call } from './gateway.mjs';

const { body: job } = await call('POST', '/v1/jobs', {
  endpoint: '/v1/generate',
  body: { prompt: 'Write a haiku about durability', model: 'claude-sonnet-4-5', user_id: 'example-poll' },
  metadata: { order: '4711' },
});
console.log(`accepted as ${job.id}`);

let state = job;
while (state.finished_at === null) {
  const polled = await call('GET', job.urls.self);
  state = polled.body;
  console.log(`${state.status}${state.queue_position === null ? '' : `, place ${state.queue_position} in the queue`}`);
  if (state.finished_at === null) await pause(Number(polled.headers.get('retry-after')) * 1000);
}
const { body: result } = await call('GET', job.urls.result);
console.log(result.completion);
