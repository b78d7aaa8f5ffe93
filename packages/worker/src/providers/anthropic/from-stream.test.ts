import { readFileSync } from 'node:fs';
import { Stream } from '@anthropic-ai/sdk/core/streaming';
import type { Part } from '@llm-gateway/shared/contracts/content';
import { visibleText } from '@llm-gateway/shared/contracts/deltas';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { afterAll, expect, test } from 'vitest';
import { objectOf } from '../json-object.ts';
import { startAnswer } from './from-stream.ts';

const counter = createTokenCounter();
afterAll(() => counter.close());

const generation: Generation = { messages: [{ role: 'user', text: 'Tell me about bears.' }] };

/** A recorded stream, through the SDK's own decoder. */
async function read(recording: string) {
  const body = readFileSync(new URL(`./__fixtures__/${recording}.chunks.txt`, import.meta.url), 'utf8');
  const events = Stream.fromSSEResponse<unknown>(new Response(body), new AbortController());
  const answer = startAnswer(generation, 'claude-sonnet-4-5', 'req_1', counter);
  const deltas: string[] = [];
  for await (const event of events) deltas.push(visibleText(answer.take(objectOf(event))));
  return { deltas, finish: answer.finish };
}

const usage = (promptTokens: number, completionTokens: number, cachedPromptTokens = 0, cacheWriteTokens = 0) => ({
  promptTokens,
  completionTokens,
  totalTokens: promptTokens + completionTokens,
  cachedPromptTokens,
  cacheWriteTokens,
});

/** Of the answers that are more than text. */
const otherParts = new Map<string, Part[]>([
  [
    'thinking',
    [
      { type: 'reasoning', text: '6 times 7 is 42.', signature: 'EqQBCgIYAhIM' },
      { type: 'text', text: '42.' },
    ],
  ],
]);

test.for([
  ['normal', 'Bears like honey 🍯.', 'stop', 'end_turn', usage(25, 9)],
  ['cached-prompt', 'Yes.', 'stop', 'end_turn', usage(2006, 5, 1900, 85)],
  ['cached-for-an-hour', 'Yes.', 'stop', 'end_turn', { ...usage(1921, 5, 400, 1500), cacheWrite1hTokens: 1200 }],
  ['length', 'Once upon', 'length', 'max_tokens', usage(25, 2)],
  ['stop-sequence', 'One, two,', 'stop', 'stop_sequence', usage(25, 4)],
  ['refusal', 'The recipe', 'content_filter', 'refusal', usage(25, 3)],
  ['thinking', '42.', 'stop', 'end_turn', { ...usage(43, 120), reasoningTokens: 112 }],
  ['grown-prompt', 'Found it.', 'stop', 'end_turn', usage(3025, 6)],
] as const)('%s is "%s", %s', async ([recording, text, unified, raw, tokens]) => {
  const { deltas, finish } = await read(recording);
  expect(deltas.join('')).toBe(text);
  expect(await finish()).toEqual({
    text,
    ...(otherParts.has(recording) ? { parts: otherParts.get(recording) } : {}),
    finishReason: { unified, raw },
    usage: tokens,
    usageSource: 'provider',
    providerModel: recording === 'thinking' ? 'claude-opus-5' : 'claude-sonnet-4-5-20250929',
    providerRequestId: 'req_1',
  });
});

test.for([
  // 5 of the text and 6 around it.
  ['no-usage', 11],
  ['half-usage', 25],
  ['nonsense-usage', 11],
] as const)('%s: what is missing of the usage is counted', async ([recording, promptTokens]) => {
  const { finish } = await read(recording);
  expect(await finish()).toMatchObject({
    text: 'Hi!',
    usage: { promptTokens, completionTokens: 2, totalTokens: promptTokens + 2 },
    usageSource: 'estimated',
  });
});

test.for(['cut-off', 'cut-before-stop'])('%s is no answer', async (recording) => {
  const { finish } = await read(recording);
  await expect(finish()).rejects.toThrow(
    expect.objectContaining({ failure: expect.objectContaining({ code: 'provider_bad_answer' }) }),
  );
});
