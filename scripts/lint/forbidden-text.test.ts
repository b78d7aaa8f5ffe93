import { expect, test } from 'vitest';
import { forbiddenText } from './forbidden-text.ts';

const mock = 'vi.mock';
const open = 'TO' + 'DO';

test.for([
  [`// ${open}: later`, 1],
  [` * ${open} later`, 1],
  [`-- FIX${'ME'} in Lua`, 1],
  [`${mock}('./store.ts');`, 1],
  [`${mock}(import('../store.ts'));`, 1],
  [`${mock}('@llm-gateway/shared/redis/connect');`, 1],
  [`${mock}('node:fs');`, 0],
  [`const list = '${open} list';`, 0],
  ['// what is left to do is in the issue', 0],
] as const)('%s: %i', ([line, found]) => {
  expect(forbiddenText('a.ts', line)).toHaveLength(found);
});
