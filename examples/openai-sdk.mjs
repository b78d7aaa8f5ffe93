// OpenAI's own SDK: nothing is changed but the base URL. Models of Anthropic answer in OpenAI's terms.
import OpenAI, { toFile } from 'openai';
import { gateway } from './gateway.mjs';

const client = new OpenAI({ baseURL: `${gateway}/v1`, apiKey: process.env.GATEWAY_KEY ?? 'no-key-needed' });
const messages = [{ role: 'user', content: 'What is a queue?' }];

const { choices, usage } = await client.chat.completions.create({ model: 'claude-sonnet-5', messages });
console.log(`Claude: ${choices[0].message.content} (${usage.total_tokens} tokens)`);

process.stdout.write('streamed: ');
for await (const chunk of await client.chat.completions.create({ model: 'gpt-4o', messages, stream: true }))
  process.stdout.write(chunk.choices[0]?.delta.content ?? '');

let response = await client.responses.create({ model: 'claude-sonnet-5', input: 'Take your time', background: true });
console.log(`\nin the background: ${response.id} is ${response.status}`);
while (response.status === 'queued' || response.status === 'in_progress') {
  await new Promise((resolve) => setTimeout(resolve, 200));
  response = await client.responses.retrieve(response.id);
}
console.log(`${response.status}: ${response.output_text}`);

const lines = ['gpt-4o', 'claude-sonnet-5'].map((model) =>
  JSON.stringify({ custom_id: model, method: 'POST', url: '/v1/chat/completions', body: { model, messages } }),
);
const input = await client.files.create({
  file: await toFile(Buffer.from(lines.join('\n')), 'a.jsonl'),
  purpose: 'batch',
});
let batch = await client.batches.create({
  input_file_id: input.id,
  endpoint: '/v1/chat/completions',
  completion_window: '24h',
});
while (!['completed', 'failed', 'expired', 'cancelled'].includes(batch.status)) {
  await new Promise((resolve) => setTimeout(resolve, 200));
  batch = await client.batches.retrieve(batch.id);
}
const { completed, total } = batch.request_counts;
const output = await (await client.files.content(batch.output_file_id)).text();
const answered = output
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line).custom_id);
console.log(`batch: ${batch.status}, ${completed} of ${total}: ${answered.sort().join(', ')}`);
