// Ask and wait. A generation that takes longer than the gateway lets a request wait is answered 504 with the job's id:
// it goes on, and is waited for again under that id.
import { call } from './gateway.mjs';

const asked = { prompt: 'Explain queues in one sentence', model: 'gpt-4o', user_id: 'example-wait' };
let { status, headers, body } = await call('POST', '/v1/generate', asked);
while (status === 504 || status === 202) {
  console.log(`job ${headers.get('x-job-id')} is still at it`);
  ({ status, headers, body } = await call('GET', `/v1/jobs/${headers.get('x-job-id')}/result`, undefined, {
    prefer: 'wait=60',
  }));
}
if (status !== 200) throw new Error(`${status}: ${body.detail}`);
console.log(body.completion);
console.log(`${body.total_tokens} tokens, ${body.cost_usd} USD, job ${body.job_id}`);
