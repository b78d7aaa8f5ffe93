import { type Gateway, post, startGateway } from '@llm-gateway/testkit/start-gateway';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl'), workers: 1 });
});
afterAll(() => gateway?.stop());

const english =
  'The brown bears of the north sleep through the winter, and when the snow has melted they come down to the rivers, ' +
  'where the salmon climb against the stream. A grown bear eats up to forty kilograms of them in a single day. ';

const tools = [
  {
    name: 'count_bears',
    description: 'Counts the bears that were seen in a region.',
    input_schema: { type: 'object', properties: { region: { type: 'string' } }, required: ['region'] },
  },
];

test.for([
  ['a question', { messages: [{ role: 'user', content: 'How many bears are there?' }] }],
  ['a page', { system: 'Be brief.', messages: [{ role: 'user', content: english.repeat(10) }] }],
  [
    'a talk with tools',
    {
      tools,
      messages: [
        { role: 'user', content: english },
        {
          role: 'assistant',
          content: [{ type: 'tool_use', id: 't1', name: 'count_bears', input: { region: 'north' } }],
        },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: english }] },
      ],
    },
  ],
] as [string, object][])('%s: what is estimated is within 10 %% of what the provider counts', async ([, prompt]) => {
  const body = { model: 'claude-sonnet-4-5', ...prompt };
  const estimated = await post(`${gateway.url}/v1/messages/count_tokens`, body);
  const { body: counted } = await post(`${gateway.sandboxProcess.url}/v1/messages/count_tokens`, body, {
    'x-api-key': 'x',
  });
  expect(estimated.status).toBe(200);
  expect(counted.input_tokens).toBeGreaterThan(5);
  expect(Math.abs(estimated.body.input_tokens / counted.input_tokens - 1)).toBeLessThan(0.1);
});
