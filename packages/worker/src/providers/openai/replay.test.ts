import type { Answer } from '@llm-gateway/shared/contracts/answer';
import type { Delta, Part } from '@llm-gateway/shared/contracts/content';
import { mergeDeltas } from '@llm-gateway/shared/contracts/deltas';
import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { afterAll, expect, test } from 'vitest';
import { type CreateReplaying, comesThroughInAnyPieces, readRecording, readWhole, replay } from '../replay.ts';
import { createOpenAI } from './index.ts';

const counter = createTokenCounter();
afterAll(() => counter.close());

const options = {
  name: 'openai',
  mode: 'live',
  apiKey: 'sk-replay',
  baseURL: 'http://x/v1',
  timeoutMs: 1000,
  counter,
} as const;
const create: CreateReplaying = (transport) => createOpenAI({ ...options, transport });

interface Expected {
  text: string;
  parts?: Part[];
  finishReason: Answer['finishReason'];
  /** Of all choices, merged, where they say more than the parts. */
  deltas?: Delta[];
}

const recordings: [name: string, api: 'chat' | 'responses', Expected][] = [
  [
    'parallel-tools',
    'chat',
    {
      text: '',
      parts: [
        { type: 'reasoning', text: 'Hm 🐻 ha ha' },
        { type: 'tool-call', id: 'call_1', name: 'find', arguments: '{"q":"né"}' },
        { type: 'tool-call', id: 'call_2', name: 'seek', arguments: '{broken' },
      ],
      finishReason: { unified: 'tool_calls', raw: 'tool_calls' },
    },
  ],
  [
    'two-choices',
    'chat',
    {
      text: 'Bears 🍯🍯',
      finishReason: { unified: 'length', raw: 'length' },
      deltas: [
        { type: 'text', text: 'Bears' },
        { type: 'refusal', text: 'No', choice: 1 },
        { type: 'text', text: ' 🍯🍯' },
        { type: 'refusal', text: '!', choice: 1 },
      ],
    },
  ],
  [
    'response-items',
    'responses',
    {
      text: 'Né 🍯',
      parts: [
        { type: 'reasoning', text: 'Hm 🐻' },
        { type: 'text', text: 'Né 🍯' },
        { type: 'tool-call', id: 'call_1', name: 'find', arguments: '{"q":1}' },
        { type: 'tool-call', id: 'call_2', name: 'free', arguments: 'as it likes' },
      ],
      finishReason: { unified: 'tool_calls', raw: 'completed' },
    },
  ],
  [
    'response-incomplete',
    'responses',
    {
      text: '',
      parts: [{ type: 'refusal', text: 'Nö' }],
      finishReason: { unified: 'content_filter', raw: 'content_filter' },
    },
  ],
];

test.for(recordings)('%s (%s) is told in both ways', async ([name, api, { deltas, ...expected }]) => {
  const { pieces, answer } = await replay(create, api, readRecording('openai', name));
  expect(answer).toMatchObject({ ...expected, usageSource: 'provider', providerModel: 'gpt-x' });
  expect(answer?.parts).toEqual(expected.parts);
  expect(answer?.native).toEqual({ api, body: readWhole('openai', name) });
  if (deltas) expect(mergeDeltas(pieces.flatMap((piece) => piece.deltas))).toEqual(deltas);
  const sent = [...readRecording('openai', name).matchAll(/^data: (\{.*)$/gm)].map(([, data = '']) => JSON.parse(data));
  expect(pieces.map(({ frame = '' }) => JSON.parse(frame))).toEqual(sent);
});

test.for(recordings)('%s (%s) comes through in any pieces', { timeout: 60_000 }, async ([name, api]) => {
  await comesThroughInAnyPieces(create, api, readRecording('openai', name));
});

test.for([
  [
    'response-failed',
    { code: 'provider_refused', detail: 'openai broke off its answer (invalid_image_url): Cannot load it.' },
  ],
  ['response-error', { code: 'provider_rate_limited', detail: 'openai broke off its answer (rate_limit_exceeded).' }],
  ['response-cut', { code: 'provider_bad_answer' }],
])('%s is a failure', async ([name, failure]) => {
  const { answer, error, pieces } = await replay(create, 'responses', readRecording('openai', String(name)));
  expect(answer).toBeUndefined();
  expect(create({ fetch, close: async () => undefined }).classify(error)).toMatchObject(failure as object);
  // The frame of the failure itself is not given out: another attempt may follow.
  expect(pieces.map(({ frame }) => frame).join('')).not.toMatch(/"response\.failed"|"error","code"/);
});
