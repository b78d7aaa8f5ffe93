import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { expect, test } from 'vitest';
import { pricedAnswer, testRecord } from '../test-job.ts';
import { type JobMoment, jobPayload } from './payload.ts';

const jobId = 'job_01M84AFMN7N75S4NC9P52Q6ACC';

const completed = (changes: Partial<JobRecord> = {}): JobMoment => ({
  jobId,
  record: {
    ...testRecord({ metadata: '{"order":"42"}', endpoint: '/v1/chat/completions' }),
    state: 'completed',
    answer: pricedAnswer(),
    ...changes,
  },
  eventId: 'evt_1',
  type: 'job.completed',
  atMs: Date.UTC(2026, 10, 23, 9, 46, 0, 123),
});

const payload = (moment: JobMoment, include: 'result'[] = []) => JSON.parse(jobPayload(moment, { include }));

test('tells what became of the job to readers of Standard Webhooks and of OpenAI, and no text', () => {
  expect(payload(completed())).toEqual({
    id: 'evt_1',
    object: 'event',
    type: 'job.completed',
    created_at: 1_795_427_160,
    timestamp: '2026-11-23T09:46:00.123Z',
    data: {
      id: jobId,
      status: 'completed',
      endpoint: '/v1/chat/completions',
      response_id: 'resp_01M84AFMN7N75S4NC9P52Q6ACC',
      model: 'sandbox/echo',
      usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10, source: 'provider' },
      cost_usd: 0.000013,
      result_url: `/v1/jobs/${jobId}/result`,
      metadata: { order: '42' },
    },
  });
});

test('a job that shared another one’s call costs nothing', () => {
  expect(payload(completed({ free: true })).data.cost_usd).toBe(0);
});

test('a job without an answer has neither usage nor cost', () => {
  const moment = completed({ state: 'failed', answer: undefined });
  expect(payload({ ...moment, type: 'job.failed' }, ['result']).data).toMatchObject({
    status: 'failed',
    usage: null,
    cost_usd: null,
  });
});

test('the start is told as it was, even if the job has ended by the time', () => {
  const { data } = payload({ ...completed(), type: 'job.started' }, ['result']);
  expect(data).toMatchObject({ status: 'in_progress', usage: null, cost_usd: null });
  expect(data).not.toHaveProperty('result');
});

test('the answer travels along where it is asked for and small enough', () => {
  expect(payload(completed(), ['result']).data.result).toEqual({
    text: 'Hi.',
    finish_reason: 'stop',
    model: 'sandbox/echo',
  });
  const large = completed({ answer: pricedAnswer({ text: 'ü'.repeat(140_000) }) });
  expect(payload(large, ['result']).data).not.toHaveProperty('result');
});

test('an event in OpenAI’s words has exactly its data', () => {
  expect(payload({ ...completed(), type: 'response.completed' }, ['result']).data).toEqual({
    id: 'resp_01M84AFMN7N75S4NC9P52Q6ACC',
  });
});
