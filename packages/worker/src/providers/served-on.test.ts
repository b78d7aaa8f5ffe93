import type { Generation } from '@llm-gateway/shared/contracts/generation';
import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { afterAll, describe, expect, test } from 'vitest';
import { startAnswer as startMessage } from './anthropic/from-stream.ts';
import { startResponseAnswer } from './openai/from-response-stream.ts';
import { startAnswer as startChat } from './openai/from-stream.ts';

const counter = createTokenCounter();
afterAll(() => counter.close());
const generation: Generation = { messages: [{ role: 'user', text: 'honey' }] };

const message = (first: object, last: object) => {
  const reader = startMessage(generation, 'claude-opus-4-6', null, counter);
  const counts = { input_tokens: 10, output_tokens: 1 };
  reader.take({ type: 'message_start', message: { usage: { ...counts, ...first } } });
  reader.take({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 5, ...last } });
  reader.take({ type: 'message_stop' });
  return reader.finish();
};
const chat = (...tiers: unknown[]) => {
  const reader = startChat(generation, 'gpt-4o', null, counter);
  for (const service_tier of tiers)
    reader.take({ service_tier, choices: [{ index: 0, finish_reason: 'stop', delta: {} }] });
  return reader.finish();
};
const response = (service_tier: unknown) => {
  const reader = startResponseAnswer(generation, 'gpt-4o', null, { provider: 'openai', counter });
  reader.take({ type: 'response.completed', response: { status: 'completed', output: [], service_tier } });
  return reader.finish();
};

describe('an answer says on what terms it was served', () => {
  test.for([
    ['chat, usual', () => chat('default', null), undefined],
    ['chat, priority', () => chat(null, 'priority'), ['priority']],
    ['chat, flex', () => chat('flex', undefined), ['flex']],
    ['response, usual', () => response('auto'), undefined],
    ['response, priority', () => response('priority'), ['priority']],
    ['message, usual', () => message({ speed: 'standard', inference_geo: 'global' }, {}), undefined],
    ['message, committed capacity, which costs no more', () => message({ service_tier: 'priority' }, {}), undefined],
    ['message, fast, told at the beginning', () => message({ speed: 'fast' }, { speed: null }), ['fast']],
    ['message, in one country', () => message({}, { inference_geo: 'us' }), ['us']],
  ] as const)('%s', async ([, answering, terms]) => {
    expect((await answering()).terms).toEqual(terms);
  });
});

test('what Claude was charged for its own summaries is counted with the rest', async () => {
  const iterations = [
    {
      type: 'compaction',
      input_tokens: 1000,
      output_tokens: 200,
      cache_read_input_tokens: 300,
      cache_creation_input_tokens: 0,
    },
    { type: 'message', input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
  ];
  const { usage, usageSource } = await message({ cache_read_input_tokens: 0 }, { iterations });
  expect(usageSource).toBe('provider');
  expect(usage).toMatchObject({
    promptTokens: 1310,
    cachedPromptTokens: 300,
    completionTokens: 205,
    totalTokens: 1515,
  });
});
