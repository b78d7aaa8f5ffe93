// Stop a generation in the middle: the call to the provider ends, and what it had used by then is charged.
import { setTimeout as pause } from 'node:timers/promises';
import { call } from './gateway.mjs';

const { body: job } = await call('POST', '/v1/jobs', {
  endpoint: '/v1/generate',
  body: { prompt: 'Write a very long story', model: 'sandbox/drip-100+tokens-500', user_id: 'example-cancel' },
});
let state = job;
while (state.output_chars < 20) {
  await pause(100);
  ({ body: state } = await call('GET', job.urls.self));
}
const { status, body: told } = await call('POST', job.urls.cancel);
console.log(`${status}: ${told.status}`);

const { body: end } = await call('GET', job.urls.self, undefined, { prefer: 'wait=10' });
console.log(
  `${end.status}: ${end.usage.total_tokens} tokens (${end.usage.source}), ${end.output_chars} characters were written`,
);
