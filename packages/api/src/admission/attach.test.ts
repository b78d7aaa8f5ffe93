import { expect, test } from 'vitest';
import { isAttachable } from './attach.ts';

const now = 1_000_000;

test.for([
  ['one that waits', { state: 'queued' }, true],
  ['one that runs', { state: 'in_progress' }, true],
  ['one that was handed over while it ran', { state: 'in_progress', deliveredMs: 1 }, true],
  ['an answer of just now', { state: 'completed', finishedMs: now }, true],
  ['an answer of nearly two minutes ago', { state: 'completed', finishedMs: now - 119_999 }, true],
  ['a failure that nobody heard of', { state: 'failed', finishedMs: now - 1000 }, true],
  ['an answer of two minutes ago', { state: 'completed', finishedMs: now - 120_000 }, false],
  ['an answer that was delivered', { state: 'completed', finishedMs: now, deliveredMs: now }, false],
  ['a failure that was delivered', { state: 'failed', finishedMs: now, deliveredMs: now }, false],
  ['one that was given up while nobody read it', { state: 'expired', finishedMs: now }, false],
  ['one that was cancelled', { state: 'cancelled', finishedMs: now }, false],
] as const)('%s: %o → %s', ([, record, attachable]) => {
  expect(isAttachable(record, now)).toBe(attachable);
});
