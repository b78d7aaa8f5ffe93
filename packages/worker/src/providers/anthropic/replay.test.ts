import type { Part } from '@llm-gateway/shared/contracts/content';
import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { afterAll, expect, test } from 'vitest';
import { type CreateReplaying, comesThroughInAnyPieces, readRecording, readWhole, replay } from '../replay.ts';
import { createAnthropic } from './index.ts';

const counter = createTokenCounter();
afterAll(() => counter.close());

const options = {
  name: 'anthropic',
  mode: 'live',
  apiKey: 'k',
  baseURL: 'http://x',
  timeoutMs: 1000,
  counter,
} as const;
const create: CreateReplaying = (transport) => createAnthropic({ ...options, transport });

const recordings: [name: string, text: string, parts: Part[] | undefined][] = [
  [
    'many-blocks',
    'Né 🍯',
    [
      { type: 'reasoning', text: 'Hm 🐻', signature: 'c2ln' },
      { type: 'text', text: 'Né 🍯' },
      { type: 'tool-call', id: 'toolu_1', name: 'find', arguments: '{"q":"é"}' },
      { type: 'tool-call', id: 'toolu_2', name: 'now', arguments: '{}' },
    ],
  ],
  ['broken-input', '', [{ type: 'tool-call', id: 'toolu_1', name: 'find', arguments: '{"q":' }]],
];

test.for(recordings)('%s is told in both ways', async ([name, text, parts]) => {
  const recording = readRecording('anthropic', name);
  const { pieces, answer } = await replay(create, 'messages', recording);
  expect(answer).toMatchObject({ text, usageSource: 'provider', usage: { promptTokens: 9, completionTokens: 20 } });
  expect(answer?.parts).toEqual(parts);
  expect(answer?.native).toEqual({ api: 'messages', body: readWhole('anthropic', name) });
  const sent = [...recording.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data));
  // The SDK keeps pings to itself.
  expect(pieces.map(({ frame = '' }) => JSON.parse(frame))).toEqual(sent.filter(({ type }) => type !== 'ping'));
});

test.for(recordings)('%s comes through in any pieces', { timeout: 60_000 }, async ([name]) => {
  await comesThroughInAnyPieces(create, 'messages', readRecording('anthropic', name));
});
