import { webhookQueue } from '@llm-gateway/shared/queue/webhook-queue';
import { expect, test } from 'vitest';
import { pauseAfter } from './schedule.ts';

const base = { baseMs: 5000, random: 0 };

test('attempts are due 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h after the first', () => {
  const due = [0];
  for (let attempt = 1; attempt < 10; attempt += 1)
    due.push((due.at(-1) ?? 0) + (pauseAfter(attempt, base) ?? 0) / 1000);
  expect(due).toEqual([0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]);
});

test('after the tenth there is none, and the queue gives as many', () => {
  expect(pauseAfter(10, base)).toBeUndefined();
  expect(webhookQueue.jobOptions.attempts).toBe(10);
});

test('chance adds up to a tenth', () => {
  expect(pauseAfter(2, { ...base, random: 1 })).toBe(324_500);
});

test('what the receiver asks for is waited for, a day at most, and never shortens a pause', () => {
  expect(pauseAfter(1, { ...base, retryAfterMs: 60_000 })).toBe(60_000);
  expect(pauseAfter(1, { ...base, retryAfterMs: 1 })).toBe(5000);
  expect(pauseAfter(1, { ...base, retryAfterMs: 1e12 })).toBe(86_400_000);
});

test('all pauses scale with the first', () => {
  expect(pauseAfter(2, { baseMs: 50, random: 0 })).toBe(2950);
});
