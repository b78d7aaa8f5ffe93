import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { defineScript } from '../redis/define-script.ts';
import { createKeys } from '../redis/keys.ts';
import { bullPriorityMax } from './fair-queue.ts';
import { lifecycleLua } from './lifecycle-lua.ts';

let redis: Redis;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
afterAll(() => redis.quit());

const headStart = 10;

interface Waiting {
  flow: string;
  priority: number;
  tag: number;
}

/** What fair.lua is to do, in plain words: tags at acceptance, the lowest one first, ties in order of acceptance. */
function fairModel() {
  let now = 0;
  const finishes = new Map<string, number>();
  const waiting: Waiting[] = [];
  return {
    waiting,
    accept(share: string, priority: number): Waiting {
      const flow = `${priority}|${share}`;
      const start = Math.max(now, finishes.get(flow) ?? 0);
      finishes.set(flow, start + priority);
      const job = { flow, priority, tag: start + (priority - 1) * headStart };
      waiting.push(job);
      return job;
    },
    serve(): Waiting | undefined {
      const [job] = waiting.toSorted((one, other) => one.tag - other.tag);
      if (!job) return undefined;
      waiting.splice(waiting.indexOf(job), 1);
      now = Math.max(now, job.tag - (job.priority - 1) * headStart + job.priority);
      return job;
    },
  };
}

/** The same in Redis. */
function fairQueue(base = 0) {
  const keys = createKeys(`test-${randomUUID()}`);
  const script = (call: string) => defineScript(redis, `${lifecycleLua(keys)} ${call}`);
  const tag = script("return { fair_tag('sandbox', ARGV[1], tonumber(ARGV[2])) }");
  const serve = script("fair_serve('sandbox', tonumber(ARGV[1]), tonumber(ARGV[2])) return 0");
  return {
    keys,
    startAt: (virtualNow: number) => redis.hset(keys.fairClock('sandbox'), { now: virtualNow, base }),
    accept: (share: string, priority: number) => tag([keys.due], [share, priority]) as Promise<[number, number]>,
    serve: ({ tag, priority }: Waiting) => serve([keys.due], [tag, priority]),
  };
}

type Step = { kind: 'accept'; share: string; priority: number } | { kind: 'serve' };

const share = fc.constantFrom('acme', 'a b', '1|x', 'Bären', '');
const priority = fc.integer({ min: 1, max: 10 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('accept' as const), share, priority }),
  fc.record({ kind: fc.constant('serve' as const) }),
);

test('tags are those of the model, whatever is accepted and served in which order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const model = fairModel();
      const queue = fairQueue();
      for (const step of steps) {
        if (step.kind === 'accept') {
          const { tag } = model.accept(step.share, step.priority);
          expect(await queue.accept(step.share, step.priority)).toEqual([tag, tag + 1]);
        } else {
          const served = model.serve();
          if (served) await queue.serve(served);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('flows that are over are forgotten', async () => {
  const model = fairModel();
  const queue = fairQueue();
  for (let number = 0; number < 50; number += 1) {
    model.accept(`tenant ${number}`, 1);
    await queue.accept(`tenant ${number}`, 1);
    await queue.serve(model.serve() as Waiting);
  }
  expect(await redis.zcard(queue.keys.fairFlows('sandbox'))).toBeLessThanOrEqual(1);
});

test.for([
  [1_000_000, 999_000, 1001],
  [1_000_000, 1_000_000, 1],
  // Nothing that BullMQ takes for "no priority", which would be served first, and nothing beyond its bits.
  [1_000_000, 1_000_500, 1],
  [5_000_000, 0, bullPriorityMax],
] as const)('at virtual time %i with base %i, BullMQ is given priority %i', async ([now, base, given]) => {
  const queue = fairQueue(base);
  await queue.startAt(now);
  expect(await queue.accept('acme', 1)).toEqual([now, given]);
});

describe('what docs/decisions/0005 promises', () => {
  const boundOf = (own: number, other: number) => Math.floor(((own - 1) * headStart + 1) / other) + 1;

  /** Backlogs of some flows, of which some has been served, and then whatever else comes and goes. */
  const backlog = fc.record({ share, priority, count: fc.integer({ min: 1, max: 150 }) });
  const scenario = fc.record({
    backlogs: fc.array(backlog, { minLength: 1, maxLength: 4 }),
    served: fc.integer({ min: 0, max: 300 }),
    steps: fc.array(step, { maxLength: 20 }),
    own: priority,
    later: fc.array(step, { maxLength: 10 }),
  });
  type Scenario = typeof scenario extends fc.Arbitrary<infer Value> ? Value : never;

  /** How many of each other flow are served before a newcomer, more of the others coming all the time. */
  function servedBefore({ backlogs, served, steps, own, later }: Scenario) {
    const model = fairModel();
    for (const { share, priority, count } of backlogs) {
      for (let number = 0; number < count; number += 1) model.accept(share, priority);
    }
    for (let number = 0; number < served; number += 1) model.serve();
    for (const each of steps) {
      if (each.kind === 'accept') model.accept(each.share, each.priority);
      else model.serve();
    }
    const newcomer = model.accept('newcomer', own);
    const counts = new Map<string, { priority: number; count: number }>();
    for (let turn = 0; ; turn += 1) {
      const next = later[turn % Math.max(1, later.length)];
      if (next?.kind === 'accept') model.accept(next.share, next.priority);
      const job = model.serve();
      if (!job || job === newcomer) return [...counts.values()];
      counts.set(job.flow, { priority: job.priority, count: (counts.get(job.flow)?.count ?? 0) + 1 });
    }
  }

  test('a job whose flow has nothing waiting is served after at most so many of every other flow', () => {
    fc.assert(
      fc.property(scenario, (given) => {
        for (const { priority, count } of servedBefore(given)) {
          expect(count).toBeLessThanOrEqual(boundOf(given.own, priority));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('where all have one priority, after at most two of every other flow', () => {
    const allOf = ({ backlogs, steps, own, later, ...rest }: Scenario): Scenario => {
      const same = (each: Step): Step => (each.kind === 'accept' ? { ...each, priority: own } : each);
      return {
        ...rest,
        own,
        backlogs: backlogs.map((each) => ({ ...each, priority: own })),
        steps: steps.map(same),
        later: later.map(same),
      };
    };
    fc.assert(
      fc.property(scenario, (given) => {
        for (const { count } of servedBefore(allOf(given))) expect(count).toBeLessThanOrEqual(2);
      }),
      { numRuns: 500 },
    );
  });

  test('two flows with a backlog share the lane in the inverse ratio of their priorities', () => {
    fc.assert(
      fc.property(priority, priority, fc.integer({ min: 50, max: 400 }), (one, other, turns) => {
        const model = fairModel();
        for (let number = 0; number < turns; number += 1) {
          model.accept('one', one);
          model.accept('other', other);
        }
        const served = Array.from({ length: turns }, () => model.serve());
        const count = (flow: string) => served.filter((job) => job?.flow === flow).length;
        const ahead = Math.abs(count(`${one}|one`) * one - count(`${other}|other`) * other);
        expect(ahead).toBeLessThanOrEqual(one + other + headStart * Math.abs(one - other));
      }),
    );
  });

  test('a stream of urgent jobs of ever new tenants does not starve one that can wait', () => {
    const model = fairModel();
    const waitingAtOnce = 5;
    for (let number = 0; number < waitingAtOnce; number += 1) model.accept(`early ${number}`, 1);
    const patient = model.accept('patient', 10);
    let turns = 0;
    while (model.serve() !== patient) {
      turns += 1;
      model.accept(`late ${turns}`, 1);
      expect(turns).toBeLessThan(1000);
    }
    expect(turns).toBeLessThanOrEqual((9 * headStart + 1) * waitingAtOnce);
  });
});
