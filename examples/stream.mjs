// Text as it is written. The connection is cut on purpose after a few events; Last-Event-ID brings exactly the rest, from
// whichever api process answers.
import { gateway, headers } from './gateway.mjs';

async function* eventsOf(response) {
  let buffer = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    buffer += chunk;
    const frames = buffer.split('\n\n');
    buffer = frames.pop();
    for (const frame of frames) {
      const data = frame.split('\n').find((line) => line.startsWith('data: '));
      if (data) yield JSON.parse(data.slice(6));
    }
  }
}

let text = '';
let last = -1;
let result;
function take(event) {
  last = event.sequence_number;
  if (event.type === 'output.delta') text += event.text;
  // A worker died or the provider broke off: what was written so far is written anew.
  if (event.type === 'job.retrying' && event.reset) text = '';
  if (event.type === 'job.snapshot') text = event.text;
  if (event.result) result = event.result;
  console.log(`${event.sequence_number} ${event.type}${event.text ? `: ${event.text}` : ''}`);
}

const first = await fetch(new URL('/v1/generate', gateway), {
  method: 'POST',
  headers,
  body: JSON.stringify({
    prompt: 'Tell me about rivers',
    model: 'sandbox/drip-50',
    user_id: 'example-stream',
    stream: true,
  }),
});
if (!first.ok) throw new Error(`${first.status}: ${(await first.json()).detail}`);
const id = first.headers.get('x-job-id');
for await (const event of eventsOf(first)) {
  take(event);
  if (last === 5) break; // the connection is gone
}

console.log(`-- cut off after event ${last} of ${id} --`);
const rest = await fetch(new URL(`/v1/jobs/${id}/events`, gateway), {
  headers: { ...headers, 'last-event-id': String(last) },
});
for await (const event of eventsOf(rest)) take(event);
console.log(text === result.completion ? 'complete: nothing is missing, nothing came twice' : 'incomplete');
