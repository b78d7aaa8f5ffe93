import { createLogger } from '@llm-gateway/shared/observability/logger';
import { createMetrics } from '@llm-gateway/shared/observability/metrics';
import { expect, test, vi } from 'vitest';
import { reportEnd } from './report.ts';
import { testRecord } from './test-job.ts';

test('what a provider said to a refused prompt stays out of the log: it may quote the prompt', () => {
  const log = createLogger({ service: 'test', level: 'silent' });
  const warn = vi.spyOn(log, 'warn').mockReturnValue();
  const failure = { code: 'provider_refused', detail: 'openai answered 400: "my secret plan" is no prompt' } as const;
  const run = {
    id: 'job_1',
    attempt: 1,
    run: 'run-1',
    signal: new AbortController().signal,
    stop: () => undefined,
    log,
  };
  reportEnd({ metrics: createMetrics() }, run, testRecord(), { settled: 'settled', failure });
  expect(warn).toHaveBeenCalledOnce();
  expect(JSON.stringify(warn.mock.calls)).toContain('provider_refused');
  expect(JSON.stringify(warn.mock.calls)).not.toContain('secret');
});
