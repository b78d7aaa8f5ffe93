import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { answered, failed } from '../../test/settle-by-hand.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { MAX_REQUESTS_PER_MINUTE: '1000' } });
});
afterAll(() => api?.close());
beforeEach(() => {
  api.answers = undefined;
});

const isRetry = { 'x-stainless-retry-count': '1' };
const ask = (more: object = {}) => ({ prompt: `again ${randomUUID()}`, model: 'gpt-4o', user_id: 'u1', ...more });

/** A request whose client gave up at once: its job is accepted and its result was never delivered. */
async function abandoned(body: object): Promise<string> {
  expect((await api.generate(body, { prefer: 'wait=0' })).statusCode).toBe(504);
  return api.accepted.at(-1) ?? '';
}

const delivered = (id: string) =>
  waitFor(() => api.redis.hexists(api.deps.keys.job(id), 'deliveredMs').then(Boolean), { what: `${id} is delivered` });

describe('a retry', () => {
  test('attaches to the job that runs, and costs no quota', async () => {
    const body = ask({ user_id: randomUUID() });
    const id = await abandoned(body);
    const before = await api.traces(body.user_id);
    const retry = api.generate(body, isRetry);
    await waitFor(() => api.deps.admission.waiter.size() === 1, { what: 'the retry waits' });
    await api.hand.settle(id, answered('once'));
    const response = await retry;
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({ completion: 'once', job_id: id, cached: false });
    expect(response.headers['cache-status']).toBe('gateway; fwd=miss; collapsed');
    expect(await api.traces(body.user_id)).toEqual(before);
  });

  test('attaches to a job that ended and whose answer nobody got', async () => {
    const body = ask({ gateway: { cache: { mode: 'off' } } });
    const id = await abandoned(body);
    await api.hand.settle(id, answered('kept for you'));
    const response = await api.generate(body, isRetry);
    expect(response.json()).toMatchObject({ completion: 'kept for you', job_id: id });
  });

  test('that waits in vain gets the same job again', async () => {
    const body = ask();
    const id = await abandoned(body);
    const response = await api.generate(body, { ...isRetry, prefer: 'wait=0' });
    expect(response.statusCode).toBe(504);
    expect(response.headers['x-job-id']).toBe(id);
  });

  test('that does not want to wait gets the same job, and nobody is left waiting', async () => {
    const body = ask();
    const id = await abandoned(body);
    const response = await api.generate(body, { ...isRetry, prefer: 'respond-async' });
    expect(response.statusCode).toBe(202);
    expect(response.json().id).toBe(id);
    expect(api.deps.admission.waiter.size()).toBe(0);
  });

  test('gateway members and member order make no other body', async () => {
    const { prompt, model, user_id } = ask();
    const id = await abandoned({ prompt, model, user_id });
    const response = await api.generate(
      { user_id, gateway: { cache: { mode: 'off' } }, model, prompt },
      { ...isRetry, prefer: 'wait=0' },
    );
    expect(response.headers['x-job-id']).toBe(id);
  });

  test('does not attach to a job whose answer was delivered', async () => {
    const body = ask({ gateway: { cache: { mode: 'off' } } });
    api.answers = () => answered('first');
    const first = await api.generate(body);
    await delivered(first.json().job_id);
    const second = await api.generate(body, isRetry);
    expect(second.json().job_id).not.toBe(first.json().job_id);
  });

  test.for([
    ['an answer', {}],
    ['a stream', { stream: true }],
  ] as [string, object][])(
    'does not attach to a failure that was delivered in place of %s: it is a new try',
    async ([, how]) => {
      const body = ask();
      api.answers = () => failed({ code: 'provider_rate_limited', detail: 'slow down' });
      expect((await api.generate({ ...body, ...how })).statusCode).toBe(429);
      const id = api.accepted.at(-1) ?? '';
      await delivered(id);
      api.answers = () => answered('now it works');
      expect((await api.generate(body, isRetry)).json()).toMatchObject({ completion: 'now it works' });
    },
  );

  test('HEAD delivers nothing: a retry still finds the answer', async () => {
    const body = ask({ gateway: { cache: { mode: 'off' } } });
    const id = await abandoned(body);
    await api.hand.settle(id, answered('still here'));
    const head = await api.inject({ method: 'HEAD', url: `/v1/jobs/${id}/result` });
    expect([head.statusCode, head.body]).toEqual([200, '']);
    expect((await api.generate(body, isRetry)).json()).toMatchObject({ job_id: id });
  });

  test.for([
    ['a count of 0', { 'x-stainless-retry-count': '0' }],
    ['no count', {}],
    ['a count that is no number', { 'x-stainless-retry-count': 'one' }],
    ['attaching switched off', { ...isRetry, 'x-gateway-retry-attach': 'off' }],
  ] as [string, Record<string, string>][])('with %s is a new request', async ([, headers]) => {
    const body = ask();
    const id = await abandoned(body);
    const response = await api.generate(body, { ...headers, prefer: 'wait=0' });
    expect(response.headers['x-job-id']).not.toBe(id);
  });

  test.for([
    ['another prompt', { prompt: 'other' }, {}],
    ['another user', { user_id: 'u2' }, {}],
    ['another user by header', {}, { 'x-user-id': 'u2' }],
    ['another temperature', { temperature: 0 }, {}],
    ['a request_id of its own', { request_id: 'r' }, {}],
  ] as [string, object, Record<string, string>][])('with %s is another request', async ([, more, headers]) => {
    const body = ask();
    const id = await abandoned(body);
    const response = await api.generate({ ...body, ...more }, { ...isRetry, ...headers, prefer: 'wait=0' });
    expect(response.headers['x-job-id']).not.toBe(id);
  });

  test("never attaches to another tenant's job", async () => {
    const body = ask();
    const id = await abandoned(body);
    await api.redis.hset(api.deps.keys.job(id), 'tenant', 'somebody-else');
    const response = await api.generate(body, { ...isRetry, prefer: 'wait=0' });
    expect(response.statusCode).toBe(504);
    expect(response.headers['x-job-id']).not.toBe(id);
  });

  test('of a request whose record has expired is a new one', async () => {
    const body = ask();
    const id = await abandoned(body);
    await api.redis.del(api.deps.keys.job(id));
    const response = await api.generate(body, { ...isRetry, prefer: 'wait=0' });
    expect(response.statusCode).toBe(504);
    expect(response.headers['x-job-id']).not.toBe(id);
  });
});
