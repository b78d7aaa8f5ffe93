// Anthropic's own SDK: nothing is changed but the base URL. Models of OpenAI answer in Anthropic's terms.
import Anthropic from '@anthropic-ai/sdk';
import { gateway } from './gateway.mjs';

const client = new Anthropic({ baseURL: gateway, apiKey: process.env.GATEWAY_KEY ?? 'no-key-needed' });
const ask = { max_tokens: 300, messages: [{ role: 'user', content: 'What is a queue?' }] };

const { content, usage } = await client.messages.create({ model: 'gpt-4o', ...ask });
console.log(`GPT: ${content[0].text} (${usage.input_tokens + usage.output_tokens} tokens)`);

process.stdout.write('streamed: ');
const stream = client.messages.stream({ model: 'claude-sonnet-5', ...ask });
stream.on('text', (text) => process.stdout.write(text));
const { stop_reason } = await stream.finalMessage();
console.log(` (${stop_reason})`);

const { input_tokens } = await client.messages.countTokens({ model: 'gpt-4o', messages: ask.messages });
console.log(`the prompt has ${input_tokens} tokens`);

const requests = ['gpt-4o', 'claude-sonnet-5'].map((model) => ({ custom_id: model, params: { model, ...ask } }));
let batch = await client.messages.batches.create({ requests });
while (batch.processing_status !== 'ended') {
  await new Promise((resolve) => setTimeout(resolve, 200));
  batch = await client.messages.batches.retrieve(batch.id);
}
const results = [];
for await (const { custom_id, result } of await client.messages.batches.results(batch.id))
  results.push(`${custom_id} ${result.type}`);
console.log(`batch: ${batch.processing_status}, ${results.sort().join(', ')}`);
