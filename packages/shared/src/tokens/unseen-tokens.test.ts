import { expect, test } from 'vitest';
import type { Generation } from '../contracts/generation.ts';
import { unseenTokens } from './unseen-tokens.ts';

const long = 'A text that is longer than any name of a role, a type or a model could ever be.';
const picture = 'iVBORw0KGgo'.repeat(1000);
const native = (body: object) => ({ api: 'chat' as const, body: body as Record<string, unknown> });

const said: Generation = {
  messages: [
    {
      role: 'user',
      parts: [
        { type: 'text', text: long },
        { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: picture } },
      ],
    },
  ],
};
const content = [
  { type: 'text', text: long },
  { type: 'image_url', image_url: { url: `data:image/png;base64,${picture}` } },
];

test.for<[string, Generation, number, number]>([
  ['without a body of the client there is nothing else', said, 0, 0],
  ['what is in both is seen', { ...said, native: native({ messages: [{ role: 'user', content }] }) }, 0, 1],
  [
    'text of a part that nobody knows is not',
    { ...said, native: native({ messages: [{ role: 'user', content: [...content, { type: 'novel', said: long }] }] }) },
    long.length,
    long.length + 1,
  ],
  [
    'nor is sound',
    {
      ...said,
      native: native({
        messages: [{ content: [...content, { type: 'input_audio', input_audio: { data: 'UklGR'.repeat(10_000) } }] }],
      }),
    },
    100,
    101,
  ],
  ['short words are names', { ...said, native: native({ messages: [{ role: 'user', content }], user: 'ann' }) }, 0, 1],
])('%s', ([, generation, least, most]) => {
  expect(unseenTokens(generation)).toBeGreaterThanOrEqual(least);
  expect(unseenTokens(generation)).toBeLessThanOrEqual(most);
});
