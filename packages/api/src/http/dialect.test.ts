import { expect, test } from 'vitest';
import { dialectOf } from './dialect.ts';

test.for([
  ['/v1/generate', undefined, 'native'],
  ['/v1/generate', '2023-06-01', 'native'],
  ['/v1/jobs/job_1/result', undefined, 'native'],
  ['/health', undefined, 'native'],
  ['/nothing', undefined, 'native'],
  ['/v1/chat/completions', '2023-06-01', 'openai'],
  ['/v1/messages', undefined, 'anthropic'],
  ['/v1/messages/batches', undefined, 'anthropic'],
  ['/v1/v1/messages', undefined, 'anthropic'],
  ['/v1/messagesque', undefined, 'openai'],
  ['/v1/models', undefined, 'openai'],
  ['/v1/models/x', '2023-06-01', 'anthropic'],
  ['/v1/foo', undefined, 'openai'],
  ['/v1/foo', '2026-10-21', 'anthropic'],
] as const)('%s with version %s is %s', ([path, version, dialect]) => {
  expect(dialectOf(path, version)).toBe(dialect);
});
