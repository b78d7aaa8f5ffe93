import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import { defineScript } from '@llm-gateway/shared/redis/define-script';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { describe, expect, test } from 'vitest';
import { acceptJob, type TestFields } from './test-job.ts';
import { type Act, answer, answers, busy, fakeProvider, openLaneBench } from './test-lanes.ts';

const { redis, keys, enqueue, serve, inState } = openLaneBench();

/** Accepts a job as the api does, with its place in the lane; its request is named `<tenant> <number>`. */
function arrivals() {
  const script = defineScript(
    redis(),
    `${lifecycleLua(keys())} return { fair_tag('sandbox', ARGV[1], tonumber(ARGV[2])) }`,
  );
  const counts = new Map<string, number>();
  return async (tenant: string, priority = 5, fields: TestFields = {}) => {
    const number = (counts.get(tenant) ?? 0) + 1;
    counts.set(tenant, number);
    const [tag, queuePriority] = (await script([keys().due], [tenant, priority])) as [number, number];
    const id = await acceptJob(redis(), keys(), {
      tenant,
      priority: String(priority),
      tag: String(tag),
      queuePriority: String(queuePriority),
      request: `${tenant} ${number}`,
      ...fields,
    });
    await enqueue(id, { priority: queuePriority });
    return id;
  };
}

/** A provider that says who is served, in order; the first call lasts until it is let go. */
function gatedProvider(first: Act = answers) {
  const gate = Promise.withResolvers<void>();
  const fake = fakeProvider(async (signal, request) => {
    await gate.promise;
    return first(signal, request) as Promise<Answer>;
  }, answers);
  return {
    ...fake,
    open: gate.resolve,
    served: () => fake.requests.map(({ requestId }) => requestId),
    tenants: () => fake.requests.map(({ requestId }) => requestId.split(' ')[0]),
  };
}

describe('a lane with one worker', () => {
  test('serves a newcomer after at most two of the 2,000 jobs that another tenant has waiting', async () => {
    const arrive = arrivals();
    for (let batch = 0; batch < 20; batch += 1) {
      await Promise.all(Array.from({ length: 100 }, () => arrive('acme')));
    }
    const { provider, open, tenants } = gatedProvider();
    serve(provider, { concurrency: 1 });
    await waitFor(() => tenants().length === 1, { what: 'the first call' });
    await arrive('bee');
    open();
    await waitFor(() => tenants().includes('bee'), { what: 'the newcomer' });
    // The first one ran before the newcomer came.
    expect(tenants().indexOf('bee')).toBeLessThanOrEqual(1 + 2);
  });

  test('does the same in the middle of the backlog', async () => {
    const arrive = arrivals();
    for (let number = 0; number < 60; number += 1) await arrive('acme');
    const middle = Promise.withResolvers<void>();
    const turns: Act = async () => {
      if (fake.requests.length === 30) await middle.promise;
      return answer;
    };
    const fake = fakeProvider(turns);
    serve(fake.provider, { concurrency: 1 });
    await waitFor(() => fake.requests.length === 30, { what: 'the 30th call' });
    await arrive('bee');
    middle.resolve();
    const names = () => fake.requests.map(({ requestId }) => requestId);
    await waitFor(() => names().includes('bee 1'), { what: 'the newcomer' });
    expect(names().indexOf('bee 1')).toBeLessThanOrEqual(30 + 2);
  });

  test('serves two tenants with backlogs in turn, whoever was first', async () => {
    const arrive = arrivals();
    for (let number = 0; number < 30; number += 1) await arrive('acme');
    for (let number = 0; number < 30; number += 1) await arrive('bee');
    const { provider, open, tenants } = gatedProvider();
    open();
    serve(provider, { concurrency: 1 });
    await waitFor(() => tenants().length === 60, { what: 'all calls' });
    for (let turn = 0; turn < 60; turn += 2) expect(new Set(tenants().slice(turn, turn + 2)).size).toBe(2);
  });

  test('serves a tenant that asks again and again in turn with one that has a backlog', async () => {
    const arrive = arrivals();
    for (let number = 0; number < 40; number += 1) await arrive('acme');
    await arrive('bee');
    const asksAgain: Act = async (_signal, { requestId }) => {
      if (requestId.startsWith('bee')) await arrive('bee');
      return answer;
    };
    const { provider, requests } = fakeProvider(asksAgain);
    serve(provider, { concurrency: 1 });
    await waitFor(() => requests.length >= 30, { what: '30 calls' });
    const ofBee = requests.slice(0, 30).filter(({ requestId }) => requestId.startsWith('bee')).length;
    expect(ofBee).toBeGreaterThanOrEqual(14);
    expect(ofBee).toBeLessThanOrEqual(16);
  });

  test('serves priority 1 before 5 before 10', async () => {
    const arrive = arrivals();
    await arrive('first');
    const { provider, open, tenants } = gatedProvider();
    serve(provider, { concurrency: 1 });
    await waitFor(() => tenants().length === 1, { what: 'the first call' });
    await arrive('ten', 10);
    await arrive('five', 5);
    await arrive('one', 1);
    open();
    await waitFor(() => tenants().length === 4, { what: 'all calls' });
    expect(tenants()).toEqual(['first', 'one', 'five', 'ten']);
  });

  test.for([
    ['of one tenant', () => 'acme', 92],
    // Three are waiting at any time, and none is behind more than 90 rounds of them.
    ['of ever new tenants', (number: number) => `tenant${number}`, 3 * 91],
  ] as const)('serves priority 10 within its bound under a stream of priority 1 %s', async ([, tenant, bound]) => {
    const arrive = arrivals();
    let number = 0;
    const more = () => {
      number += 1;
      return arrive(tenant(number), 1);
    };
    for (let early = 0; early < 3; early += 1) await more();
    await arrive('patient', 10);
    const { provider, requests } = fakeProvider(async (_signal, { requestId }) => {
      if (requestId !== 'patient 1' && requests.length < 400) await more();
      return answer;
    });
    serve(provider, { concurrency: 1 });
    const turns = () => requests.findIndex(({ requestId }) => requestId === 'patient 1');
    await waitFor(() => turns() >= 0, { what: 'the patient one' });
    expect(turns()).toBeGreaterThan(10);
    expect(turns()).toBeLessThanOrEqual(bound);
  });

  test('gives a job that is tried again the place that it had', async () => {
    const arrive = arrivals();
    const fails = await arrive('acme');
    const { provider, requests } = fakeProvider(busy, async () => {
      if (requests.length === 2) await gate.promise;
      return answer;
    });
    const gate = Promise.withResolvers<void>();
    serve(provider, { concurrency: 1 });
    const waiting = await inState(fails, 'delayed');
    for (let number = 0; number < 10; number += 1) await arrive('acme');
    for (let number = 0; number < 10; number += 1) await arrive('bee');
    await waitFor(() => requests.length === 2, { what: 'the second call' });
    await waiting.promote();
    gate.resolve();
    await inState(fails, 'completed');
    expect(requests[2]?.requestId).toBe('acme 1');
  });
});
