import { expect, test } from 'vitest';
import { errorLine } from './error-line.ts';

test.for([
  ['{"level":"info","msg":"fine"}', undefined],
  ['{"level":"error","msg":"job failed","err":{"message":"no\\nroute"}}', 'job failed: no route'],
  ['{"level":"fatal","err":{"message":"gone"}}', 'gone'],
  ['{"level":"error","msg":"gone","err":{"message":"gone"}}', 'gone'],
  ['{"level":"error","event":"redis_down"}', 'redis_down'],
  ['{"level":"error","msg":"queue error","error":"connect ECONNREFUSED"}', 'queue error: connect ECONNREFUSED'],
  ['{"level":"error","msg":"The store is away.","err":{"message":"closed."}}', 'The store is away: closed'],
  ['{"level":"error","msg":"odd","error":{"a":1}}', 'odd'],
  ['{"level":"error"', undefined],
  ['plain text', undefined],
] as const)('%s', ([line, shown]) => {
  expect(errorLine(line)?.text).toBe(shown);
});

const failed = (code: string, msg: string) =>
  errorLine(JSON.stringify({ level: 'error', event: 'request_failed', code, msg }));

test.for([
  ['sync_wait_exceeded', false],
  ['provider_busy', false],
  ['dependency_down', true],
  ['provider_misconfigured', true],
  ['internal', true],
] as const)('a request that failed of %s is shown: %s', ([code, shown]) => {
  expect(failed(code, 'it failed') !== undefined).toBe(shown);
});

test('requests that failed of the same are of one kind, whatever they say', () => {
  expect(failed('dependency_down', 'one')?.kind).toBe(failed('dependency_down', 'two')?.kind);
});
