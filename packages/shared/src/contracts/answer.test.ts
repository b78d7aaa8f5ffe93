import { expect, test } from 'vitest';
import { usage } from './answer.ts';

const counts = { promptTokens: 10, completionTokens: 5, totalTokens: 15 };

test.for([
  counts,
  { ...counts, cachedPromptTokens: 4, cacheWriteTokens: 2, reasoningTokens: 1 },
  {
    ...counts,
    cacheWriteTokens: 2,
    cacheWrite1hTokens: 1,
    imageTokens: 3,
    audioPromptTokens: 4,
    audioCompletionTokens: 5,
  },
])('a usage is read as it was written, from before or with the newer parts: %j', (written) => {
  expect(usage.parse(JSON.parse(JSON.stringify(written)))).toEqual(written);
});

test.for(['cacheWrite1hTokens', 'imageTokens', 'audioPromptTokens', 'audioCompletionTokens'])(
  'a count of %s that is none is refused',
  (part) => {
    for (const bad of [-1, 0.5, '1', null]) expect(usage.safeParse({ ...counts, [part]: bad }).success).toBe(false);
  },
);
