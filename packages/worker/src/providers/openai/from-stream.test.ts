import { readFileSync } from 'node:fs';
import type { Part } from '@llm-gateway/shared/contracts/content';
import { visibleText } from '@llm-gateway/shared/contracts/deltas';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { Stream } from 'openai/core/streaming';
import { afterAll, expect, test } from 'vitest';
import { objectOf } from '../json-object.ts';
import { startAnswer } from './from-stream.ts';

const counter = createTokenCounter();
afterAll(() => counter.close());

const generation: Generation = { messages: [{ role: 'user', text: 'Tell me about bears.' }] };

/** A recorded stream, through the SDK's own decoder. */
async function read(recording: string) {
  const body = readFileSync(new URL(`./__fixtures__/${recording}.chunks.txt`, import.meta.url), 'utf8');
  const chunks = Stream.fromSSEResponse<unknown>(new Response(body), new AbortController());
  const answer = startAnswer(generation, 'gpt-4o', 'req_1', counter);
  const deltas: string[] = [];
  for await (const chunk of chunks) deltas.push(visibleText(answer.take(objectOf(chunk))));
  return { deltas, finish: answer.finish };
}

const usage = (promptTokens: number, completionTokens: number, cachedPromptTokens = 0, reasoningTokens = 0) => ({
  promptTokens,
  completionTokens,
  totalTokens: promptTokens + completionTokens,
  cachedPromptTokens,
  reasoningTokens,
});

const otherModels = new Map<string, string>([
  ['reasoning', 'o4-mini-2025-04-16'],
  ['image-prompt', 'gpt-5.6-terra'],
  ['audio', 'gpt-audio-2025-08-28'],
]);

/** Of the answers that are more than text. */
const otherParts = new Map<string, Part[]>([
  ['refusal', [{ type: 'refusal', text: "I'm sorry, I can't help with that." }]],
]);

test.for([
  ['normal', 'Bears like honey 🍯.', 'stop', usage(19, 7)],
  ['cached-prompt', 'Yes.', 'stop', usage(2006, 2, 1920)],
  ['length', 'Once upon', 'length', usage(19, 2)],
  ['refusal', '', 'stop', usage(30, 11)],
  ['content-filter', 'The recipe', 'content_filter', usage(25, 3)],
  ['reasoning', '42.', 'stop', usage(12, 203, 0, 192)],
  ['azure', 'Hello.', 'stop', usage(9, 2)],
  ['image-prompt', 'Yes.', 'stop', { ...usage(2006, 2, 1024), cacheWriteTokens: 512, imageTokens: 765 }],
  ['audio', 'Yes.', 'stop', { ...usage(2006, 45), audioPromptTokens: 1900, audioCompletionTokens: 43 }],
] as const)('%s is "%s", %s', async ([recording, text, reason, tokens]) => {
  const { deltas, finish } = await read(recording);
  expect(deltas.join('')).toBe(text);
  expect(await finish()).toEqual({
    text,
    ...(otherParts.has(recording) ? { parts: otherParts.get(recording) } : {}),
    finishReason: { unified: reason, raw: reason },
    usage: tokens,
    usageSource: 'provider',
    providerModel: otherModels.get(recording) ?? 'gpt-4o-2024-08-06',
    providerRequestId: 'req_1',
  });
});

test.for(['compatible-server', 'nonsense-usage'])('%s: the usage is estimated', async (recording) => {
  const { finish } = await read(recording);
  expect(await finish()).toMatchObject({
    text: 'Hi!',
    // 5 of the text and 6 around it.
    usage: { promptTokens: 11, completionTokens: 2, totalTokens: 13 },
    usageSource: 'estimated',
  });
});

test('an answer that was cut off is none', async () => {
  const { deltas, finish } = await read('cut-off');
  expect(deltas.join('')).toBe('Half a');
  await expect(finish()).rejects.toThrow(
    expect.objectContaining({ failure: expect.objectContaining({ code: 'provider_bad_answer' }) }),
  );
});
