import type { Limits } from '@llm-gateway/shared/contracts/policy';
import { expect, test } from 'vitest';
import { rulesOf, weightIn } from './limit-rule.ts';

const all: Limits = { requests_per_minute: 1, requests_per_hour: 2, tokens_per_minute: 3, concurrency: 4 };

test('every limit becomes a rule, and what is not limited none', () => {
  const subject = 'user:acme:ann';
  expect(rulesOf({ scope: 'user', subject, limits: all })).toEqual([
    { name: 'minute', scope: 'user', subject, measure: 'requests', limit: 1, windowMs: 60_000 },
    { name: 'hour', scope: 'user', subject, measure: 'requests', limit: 2, windowMs: 3_600_000 },
    { name: 'tokens', scope: 'user', subject, measure: 'tokens', limit: 3, windowMs: 60_000 },
    { name: 'concurrency', scope: 'user', subject, measure: 'concurrency', limit: 4, windowMs: 1_209_600_000 },
  ]);
  expect(rulesOf({ scope: 'user', subject, limits: { concurrency: 0 } })).toMatchObject([{ limit: 0 }]);
  expect(rulesOf({ scope: 'user', subject, limits: {} })).toEqual([]);
});

test('names are unique in one request and say whose limit it is, without what anybody has chosen', () => {
  const model = 'openai/"gpt-4o"';
  const names = (['user', 'key', 'tenant'] as const).flatMap((scope) =>
    [undefined, model].flatMap((each) => rulesOf({ scope, subject: 's', model: each, limits: all })),
  );
  expect(new Set(names.map(({ name }) => name)).size).toBe(24);
  for (const { name } of names) expect(name).toMatch(/^[a-z-]+$/);
  expect(names.filter(({ scope }) => scope === 'key').map(({ name }) => name)).toEqual([
    'key-minute',
    'key-hour',
    'key-tokens',
    'key-concurrency',
    'key-minute-model',
    'key-hour-model',
    'key-tokens-model',
    'key-concurrency-model',
  ]);
});

test('a request weighs its tokens in a window of tokens, and one elsewhere', () => {
  const weights = rulesOf({ scope: 'user', subject: 's', limits: all }).map((rule) => weightIn(rule, 250));
  expect(weights).toEqual([1, 1, 250, 1]);
});
