import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import '@llm-gateway/testkit/provided-context';
import { spendSubject } from '@llm-gateway/shared/budget/spend-subject';
import { makeJobId } from '@llm-gateway/shared/contracts/ids';
import { isFinal, type JobState } from '@llm-gateway/shared/contracts/job';
import { ledgerRow } from '@llm-gateway/shared/contracts/ledger-row';
import { parseLogEntry } from '@llm-gateway/shared/event-log/log-entry';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import type { StopReason } from '@llm-gateway/shared/lifecycle/stop-reasons';
import { createLaneQueues, type LaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import { defineScript } from '@llm-gateway/shared/redis/define-script';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import { createRandom } from '@llm-gateway/testkit/random';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { checkRows, createBooksModel, sumsOf, tokensOf } from '../test-books.ts';
import { acceptedFields, pricedAnswer, type TestHold, type TestSpend } from '../test-job.ts';
import { startTimekeeper } from '../timekeeping/timekeeper.ts';
import { asDuplicate, type BookedCall, bookedCall, type CallFacts } from './booked-call.ts';
import { createSettlement } from './settlement.ts';

/*
 * Many jobs that equal each other, a lane, workers and api processes that do anything at any moment, and lose anything:
 * a reply, a process, a message. Whatever happens, each job comes to one end, no budget is overspent, each call is booked
 * once, and nothing is left behind.
 */

let redis: Redis;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
});
afterAll(() => redis.quit());

// Each takes some half a second. More of them find more: 500 passed when this was written.
const seeds = Array.from({ length: 12 }, (_, index) => index + 1);

const hour = 3_600_000;
const day = 24 * hour;

/** Chance as this test takes it: most lists that it picks from may be empty. */
function randomness(seed: number) {
  const { next } = createRandom(seed);
  return {
    chance: (probability: number) => next() < probability,
    whole: (max: number) => Math.floor(next() * max),
    pick: <T>(list: readonly T[]): T | undefined => list[Math.floor(next() * list.length)],
  };
}

/** The keys of a test whose scripts go by a clock of its own, and give every odd number away that they write. */
function keysWithClock(): { keys: Keys; clock: string } {
  const keys = createKeys(`test-${randomUUID()}`);
  const clock = keys.job('').replace(':job:', ':clock');
  const lua = `${keys.lua}
local redis = setmetatable({ call = function(command, ...)
  if command == 'TIME' then
    local ms = tonumber(real_redis.call('GET', '${clock}'))
    return { string.format('%d', math.floor(ms / 1000)), string.format('%d', (ms % 1000) * 1000) }
  end
  for _, part in ipairs({ ... }) do
    if type(part) == 'string' and string.match(part, '^%d[%d%.]*e%+%d+$') then
      error('a number in exponent notation: ' .. part)
    end
  end
  return real_redis.call(command, ...)
end }, { __index = real_redis })`.replace('local redis', 'local real_redis = redis\nlocal redis');
  return { keys: { ...keys, lua }, clock };
}

// The api's scripts as they are, without its code: each job's life is that of both processes.
const ofApi = (file: string) => readFileSync(new URL(`../../../api/src/${file}`, import.meta.url), 'utf8');

/** Whose jobs fall under which budgets and limits: the same for all of one world. */
function choosePolicy(random: ReturnType<typeof randomness>, keys: Keys) {
  const budgetsOf = (subject: string): TestHold['budgets'] => {
    if (random.chance(0.3)) return [];
    const period = random.pick(['total', 'month', 'day']) ?? 'total';
    const limit = String(random.pick([4000, 8000, 30_000, 300_000]));
    return [{ subject, period, limit, alerts: [50, 80, 100] }];
  };
  const users = ['ann', 'bob', 'Bären 🐻'];
  return {
    users: users.map((user) => ({ user, budgets: budgetsOf(spendSubject.user('acme', user)) })),
    apiKeys: ['key_1', 'key_2'].map((key) => ({ key, budgets: budgetsOf(spendSubject.key(key)) })),
    tenantBudgets: budgetsOf(spendSubject.tenant('acme')),
    concurrency: random.chance(0.7) ? random.pick([4, 20]) : undefined,
    place: keys.limit('acme', 'held'),
    // So long that nothing leaves it.
    window: random.chance(0.7) ? { key: keys.limit('acme', 'tokens'), ms: 400 * day } : undefined,
  };
}

/** A hold as acceptance is given it: with kinds of period. */
type KindOfHold = Omit<TestHold, 'at'>;

interface InQueue {
  state: 'waiting' | 'active';
  attemptsMade: number;
}

/** A lane as BullMQ keeps one: an id that it has had is not taken again. */
function createLane() {
  const jobs = new Map<string, InQueue>();
  const finished = new Set<string>();
  return {
    jobs,
    finish(id: string) {
      jobs.delete(id);
      finished.add(id);
    },
    producer: {
      async add(id: string) {
        if (!jobs.has(id) && !finished.has(id)) jobs.set(id, { state: 'waiting', attemptsMade: 0 });
      },
      queue: {
        async remove(id: string) {
          if (jobs.get(id)?.state === 'waiting') jobs.delete(id);
        },
        close: async () => undefined,
      },
    },
  };
}

interface RunInHand {
  id: string;
  run: string;
  attempt: number;
  record: JobRecord;
  text: string;
  appends: number;
  /** Text that has not been written. */
  unwritten: string;
}

async function openWorld(seed: number) {
  const random = randomness(seed);
  const { keys, clock } = keysWithClock();
  // Often the day and the month are about to end.
  let now = random.chance(0.5) ? Date.now() : Date.UTC(2027, 1, 1) - random.whole(60_000);
  await redis.set(clock, now);
  const policy = choosePolicy(random, keys);
  const books = createBooksModel();
  const timed: Redis = Object.create(redis, {
    time: { value: async () => [Math.floor(now / 1000), 0] },
  });
  const lane = createLane();
  const laneQueues: LaneQueues = createLaneQueues({
    redis,
    keys,
    retry: { attempts: 3, baseDelayMs: 1 },
    openLane: () => lane.producer as never,
  });
  const faults: unknown[] = [];
  const log = { error: (about: { err: unknown }) => faults.push(about.err) } as never;
  const timekeeper = startTimekeeper({ redis: timed, keys, laneQueues, log });
  timekeeper.close();
  const settlement = createSettlement({ redis, keys, cacheMaxBytes: 1_000_000 });
  const script = (file: string) => defineScript(redis, `${lifecycleLua(keys)}\n${ofApi(file)}`);
  const scripts = {
    accept: script('admission/accept.lua'),
    refuse: script('admission/refuse.lua'),
    cancel: script('jobs/cancel.lua'),
    remove: script('jobs/delete.lua'),
    release: script('jobs/release.lua'),
    attend: script('delivery/attend.lua'),
    limits: defineScript(redis, `${lifecycleLua(keys)} return (limits(KEYS, ARGV))`),
  };

  const ids: string[] = [];
  const users = new Map<string, string>();
  const fingerprints = new Map<string, string>();
  const inHand: RunInHand[] = [];
  /** Runs that were taken for dead, and may go on. */
  const zombies: RunInHand[] = [];
  const deleted = new Set<string>();
  const refused = new Set<string>();
  const told = new Set<string>();
  /** The calls whose answers have ended jobs. */
  const paid = new Set<string>();
  const ends = new Map<string, string>();
  const callsOfLeft = new Map<string, string>();
  const answered = new Map<string, { call: string; free: boolean }>();
  const history: string[] = [];
  let calls = 0;
  let faulty = true;
  /** What stood in the books, and who held a place, after the last step. */
  let sums = new Map<string, TestSpend>();
  let places = new Set<string>();
  let lastRow = '-';

  const chance = (probability: number) => faulty && random.chance(probability);
  const note = (...parts: unknown[]) => history.push(parts.join(' '));
  const short = (id: string) => `#${ids.indexOf(id)}`;
  /** What a step came to, and what was heard of it: a command whose reply is lost is sent again. */
  const resent = async <T>(step: () => Promise<T>): Promise<[came: T, heard: T]> => {
    const came = await step();
    if (!chance(0.1)) return [came, came];
    note('  resent');
    return [came, await step()];
  };
  const twice = async <T>(step: () => Promise<T>): Promise<T> => (await resent(step))[1];

  /** An heir is added by who made it one, unless that died. */
  async function enqueueHeir(heir: string | undefined) {
    if (heir) note('  heir', short(heir));
    if (heir && !chance(0.3)) await laneQueues.requeue(heir);
  }

  /** What acceptance promises a job that falls under these budgets; undefined where there is nothing to promise. */
  function chooseHold(budgets: TestHold['budgets']): KindOfHold | undefined {
    const { window, place, concurrency } = policy;
    if (budgets.length === 0 && !window && concurrency === undefined) return undefined;
    return {
      nano: String(random.pick([0, 500, 3000, 3000, 10_000])),
      budgets,
      tokens: window ? 1 + random.whole(100) : 0,
      windows: window ? [[window.key, window.ms]] : [],
      places: concurrency === undefined ? [] : [place],
    };
  }

  /** The rows of limits that go with it, as the limiter makes them. */
  function limitsOf(hold: KindOfHold | undefined) {
    const { window, place, concurrency } = policy;
    return {
      keys: [...(concurrency === undefined ? [] : [place]), ...(window ? [window.key] : [])],
      rows: [
        ...(concurrency === undefined ? [] : ['held', concurrency, 14 * day, 1]),
        ...(window ? ['slots', 1_000_000_000, window.ms, hold?.tokens ?? 0] : []),
      ],
    };
  }

  const today = () => new Date(now).toISOString().slice(0, 10);
  const periodNow = (kind: string) => ({ total: 'total', month: today().slice(0, 7), day: today() })[kind] ?? kind;
  const promised = (hold: KindOfHold | undefined): TestHold | undefined =>
    hold && {
      ...hold,
      budgets: hold.budgets.map((budget) => ({ ...budget, period: periodNow(budget.period) })),
      at: now,
    };

  const sumOf = ({ subject, period }: { subject: string; period: string }) => {
    const { spent, reserved, unsettled } = sums.get(`${period} ${subject}`) ?? { spent: 0, reserved: 0, unsettled: 0 };
    return spent + reserved + unsettled;
  };

  /** That what acceptance has decided is right, as things stood before it. */
  function checkDecision(kind: string, hold: TestHold | undefined) {
    if (kind === 'bound' || kind === 'reused') return;
    const isOver = hold?.budgets.some((budget) => sumOf(budget) + Number(hold.nano) > Number(budget.limit)) ?? false;
    expect(kind === 'overspent', `${kind}, with ${JSON.stringify([hold, [...sums]])}`).toBe(isOver);
    const isFull = places.size >= (policy.concurrency ?? Number.POSITIVE_INFINITY);
    if (kind === 'accepted') expect(isFull, 'no place for another').toBe(false);
    if (kind === 'limited') expect(isFull, 'no place for another').toBe(true);
  }

  async function submit() {
    const id = makeJobId();
    const { user = '', budgets: ofUser = [] } = random.pick(policy.users) ?? {};
    const { key: apiKey, budgets: ofKey = [] } = (random.chance(0.7) && random.pick(policy.apiKeys)) || {};
    ids.push(id);
    users.set(id, user);
    const digest = random.pick(['d1', 'd1', 'd2']);
    const isParked = random.chance(0.15);
    const isHeld = isParked && random.chance(0.5);
    const delay = isParked && (!isHeld || random.chance(0.5)) ? random.whole(20_000) : undefined;
    const onDisconnect = random.chance(0.3) ? 'cancel' : 'continue';
    const isBackground = random.chance(0.5);
    const priority = random.chance(0.8) ? 5 : 1 + random.whole(10);
    const key = random.chance(0.15) ? `key ${random.whole(3)}` : undefined;
    const fingerprint = key ? `of ${key}` : randomUUID();
    fingerprints.set(id, fingerprint);
    const hold = chooseHold([...ofUser, ...ofKey, ...policy.tenantBudgets]);
    const o = {
      lane: 'sandbox',
      share: user,
      priority,
      unfinished_ms: 14 * day,
      id_ms: now,
      attach: fingerprint,
      attach_ms: 900_000,
      parked: isParked,
      delay_ms: delay,
      deadline_ms: random.chance(0.2) ? random.whole(60_000) : undefined,
      start_deadline_ms: random.chance(0.1) ? random.whole(30_000) : undefined,
      limits: limitsOf(hold),
      ...(hold ? { hold, tenant: 'acme' } : {}),
      ...(isBackground ? {} : { instance: 'api', lease_ms: 15_000 }),
      ...(key ? { idempotency: { digest: key, fingerprint, kept_ms: day } } : {}),
      ...(!isParked && random.chance(0.85) ? { flight: digest } : {}),
    };
    const fields = {
      ...acceptedFields(id),
      user,
      ...(apiKey === undefined ? {} : { key: apiKey }),
      priority: String(priority),
      resultTtlMs: String(random.pick([3000, 60_000, 3_600_000])),
      onDisconnect,
      ...(isBackground ? {} : { graceMs: onDisconnect === 'cancel' ? '5000' : '30000' }),
      ...(isHeld ? { held: '1' } : {}),
      ...(o.flight && random.chance(0.5) ? { cacheDigest: digest, cacheTtlMs: '60000' } : {}),
    };
    note('submit', short(id), JSON.stringify({ ...o, limits: undefined, lane: undefined }));
    const args = [id, JSON.stringify(o), ...Object.entries(fields).flat()] as string[];
    const [kind, detail, more] = (await twice(() => scripts.accept([keys.job(id)], args))) as [string, string, string];
    note('  ', kind, kind === 'followed' ? short(more) : '');
    checkDecision(kind, promised(hold));
    if (kind === 'bound' || kind === 'overspent' || kind === 'limited') {
      users.delete(id);
      return;
    }
    books.accepted(id, { user, key: apiKey, day: today(), hold: promised(hold), isCounted: kind === 'accepted' });
    if (chance(0.07)) {
      note('  api died');
      return;
    }
    if (chance(0.1)) {
      const isAdded = random.chance(0.5);
      note('  to be refused', isAdded ? 'though added' : '');
      if (isAdded && kind === 'accepted' && !isParked) await lane.producer.add(id);
      underway.push(() => refuse(id));
      return;
    }
    const queue = async () => {
      if (kind === 'followed' && !chance(0.1)) await laneQueues.requeue(more);
      if (kind === 'accepted' && !isParked) await lane.producer.add(detail);
      told.add(id);
      note('told', short(id));
    };
    if (chance(0.2)) underway.push(queue);
    else await queue();
  }

  /** What an api process is about to do. */
  const underway: (() => Promise<void>)[] = [];
  async function goOn() {
    const [next] = underway.splice(random.whole(underway.length), 1);
    await next?.();
  }

  async function refuse(id: string) {
    const heir = String(await twice(() => scripts.refuse([keys.job(id)], [id, fingerprints.get(id) ?? ''])));
    note('refuse', short(id));
    if ((await redis.exists(keys.job(id))) === 0) refused.add(id);
    await enqueueHeir(heir || undefined);
  }

  async function take() {
    const waiting = [...lane.jobs].filter(([, { state }]) => state === 'waiting');
    const [id, job] = random.pick(waiting) ?? [];
    if (!id || !job) return;
    job.state = 'active';
    const run = randomUUID();
    const attempt = job.attemptsMade + 1;
    const beginning = await twice(() => settlement.begin(id, attempt, run));
    note('take', short(id), 'attempt', attempt, beginning.kind);
    if (beginning.kind === 'ended') await enqueueHeir(beginning.heir);
    if (beginning.kind !== 'run') return lane.finish(id);
    books.unheld.delete(id);
    const begun = { id, run, attempt, record: beginning.record, text: '', appends: 0, unwritten: '' };
    if (beginning.losses >= 3) return endFailed(begun, 'internal', true, false);
    books.begin(id, begun.record.calls);
    inHand.push(begun);
  }

  /** The run has come to its end, in its own eyes. */
  function drop(run: RunInHand) {
    for (const list of [inHand, zombies]) if (list.includes(run)) list.splice(list.indexOf(run), 1);
  }

  /** A call of a run, with what came of it. */
  const callOf = (run: RunInHand, facts: Pick<CallFacts, 'status' | 'used'>) =>
    bookedCall(run.id, run.record, { ...facts, latencyMs: 5, firstTokenMs: null });

  /** Sees to it that a call is booked also where its job is another run's, or has ended: unless its process dies before. */
  async function bookAnyway(run: RunInHand, [came, heard]: [string, string], call: BookedCall) {
    const isBooked = (kind: string) => kind === 'settled' || kind === 'released' || kind === 'stopped';
    if (isBooked(came)) books.book(run.id, call);
    if (isBooked(heard)) return;
    if (chance(0.2)) note('  died before it was booked');
    else await book(run, call);
  }

  async function book(run: RunInHand, call: BookedCall) {
    const isKept = (await redis.exists(keys.job(run.id))) === 1;
    if (isKept) books.book(run.id, call);
    else if (!call.isUnknown) books.bookTooLate(run.id, call);
    await twice(() => settlement.book(run, call));
    note('book', short(run.id), `call ${call.call} for ${call.nano}`, isKept ? '' : 'too late');
  }

  async function endFailed(
    run: RunInHand,
    code: 'internal' | 'provider_busy' | 'provider_refused',
    isOwn: boolean,
    isCalled = true,
  ) {
    const holder = await redis.hget(keys.job(run.id), 'run');
    const used = random.chance(0.3) ? price(run, true).answer : 'none';
    const call = isCalled ? callOf(run, { status: 'failed', used }) : undefined;
    const failure = { code, detail: 'It failed.' };
    const [came, settled] = await resent(() => settlement.fail(run, run.record, failure, call));
    if (settled.kind === 'settled') expect(holder, 'the run that failed').toBe(run.run);
    note('fail', short(run.id), code, isOwn ? '' : 'zombie', settled.kind, call ? `for ${call.nano}` : '');
    if (call) await bookAnyway(run, [came.kind, settled.kind], call);
    await enqueueHeir(settled.heir);
    if (isOwn && settled.kind !== 'superseded') lane.finish(run.id);
  }

  async function say(run: RunInHand, isOwn: boolean) {
    calls += 1;
    const text = `<${calls}>`;
    run.text += text;
    const isSnapshot = run.appends > 0 && random.chance(0.15);
    run.appends += 1;
    const event = isSnapshot ? { type: 'snapshot' as const, text: run.text } : { type: 'text-delta' as const, text };
    const piece = { number: run.appends, events: [event], chars: text.length };
    const appended = await twice(() => settlement.append(run, piece));
    note('append', short(run.id), text, isSnapshot ? 'snapshot' : '', isOwn ? '' : 'zombie', appended.kind);
    if (appended.kind === 'superseded' && isOwn) drop(run);
    if (appended.kind === 'appended' && appended.stop) await stopRun(run, appended.stop, isOwn);
  }

  function price(run: RunInHand, partial: boolean) {
    calls += 1;
    const rest = random.chance(0.5) ? `<${calls}>` : '';
    run.text += rest;
    const most = Number(books.account(run.id).hold?.nano ?? 20_000);
    const cost = random.pick([0, most, random.whole(most + 1), random.whole(most + 1), null]) ?? null;
    const [promptTokens, completionTokens] = [random.whole(50), random.whole(200)];
    const answer = pricedAnswer({
      text: run.text,
      costNanoUsd: cost === null ? null : String(cost),
      usage: { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens },
      providerRequestId: String(calls),
      finishReason: { unified: partial ? 'other' : random.chance(0.8) ? 'stop' : 'length', raw: null },
    });
    return { answer, events: rest === '' ? [] : [{ type: 'text-delta' as const, text: rest }] };
  }

  async function stopRun(run: RunInHand, reason: StopReason, isOwn: boolean) {
    drop(run);
    const { answer, events } = price(run, true);
    const used = random.chance(0.7) ? answer : undefined;
    const call = callOf(run, { status: 'aborted', used: used ?? 'unknown' });
    const [came, settled] = await resent(() => settlement.stop(run, run.record, reason, used, call, events));
    note('stopped', short(run.id), reason, used ? 'with text' : '', settled.kind, `for ${call.nano}`);
    if (came.kind === 'settled' && used) paid.add(String(answer.providerRequestId));
    await bookAnyway(run, [came.kind, settled.kind], call);
    if (isOwn) lane.finish(run.id);
  }

  /** The run goes on with a call of another model. */
  async function fallBack(run: RunInHand, isOwn: boolean) {
    const used = random.chance(0.4) ? price(run, true).answer : random.chance(0.5) ? 'unknown' : 'none';
    const call = callOf(run, { status: 'failed', used });
    const model = { id: 'openai/gpt-4o', provider: 'openai' };
    const next = { attempt: run.attempt, reason: 'provider_busy', model };
    const [came, moved] = await resent(() => settlement.nextCall(run, next, call));
    note('next call', short(run.id), isOwn ? '' : 'zombie', moved.kind, `for ${call.nano}`);
    const kinds = [came, moved].map(({ kind }) => (kind === 'calls' ? 'released' : kind)) as [string, string];
    await bookAnyway(run, kinds, call);
    if (moved.kind === 'calls') {
      Object.assign(run, { record: { ...run.record, calls: moved.call }, text: '', appends: 0 });
      books.begin(run.id, moved.call);
      return;
    }
    drop(run);
    if (isOwn && moved.kind === 'stopped') lane.finish(run.id);
  }

  async function end(run: RunInHand, isOwn: boolean) {
    const stop = await redis.hget(keys.job(run.id), 'stop');
    if (stop && random.chance(0.8)) return stopRun(run, stop as StopReason, isOwn);
    const how = random.whole(10);
    if (how < 5) {
      drop(run);
      const { answer, events } = price(run, false);
      const call = callOf(run, { status: 'completed', used: answer });
      const [came, settled] = await resent(() => settlement.settle(run, run.record, answer, call, events));
      note('settle', short(run.id), isOwn ? '' : 'zombie', settled.kind, `for ${call.nano}`);
      if (came.kind === 'settled') paid.add(String(answer.providerRequestId));
      await bookAnyway(run, [came.kind, settled.kind], asDuplicate(call));
      if (isOwn && !chance(0.1)) lane.finish(run.id);
      return;
    }
    if (how === 9) return fallBack(run, isOwn);
    drop(run);
    if (how < 7)
      return endFailed(run, random.pick(['provider_busy', 'provider_refused'] as const) ?? 'internal', isOwn);
    const isDraining = random.chance(0.3);
    if (run.attempt >= 3 && !isDraining) return endFailed(run, 'provider_busy', isOwn);
    const attempt = isDraining ? run.attempt : run.attempt + 1;
    const used = random.chance(0.4) ? price(run, true).answer : random.chance(0.5) ? 'unknown' : 'none';
    // Without word of it, the provider not having begun to answer, it is left unsettled.
    const isTold = !isDraining || random.chance(0.5);
    const call = isTold ? callOf(run, { status: isDraining ? 'aborted' : 'failed', used }) : undefined;
    const next = { attempt, afterMs: 1, reason: 'provider_busy' };
    const [came, released] = await resent(() => settlement.release(run, next, call));
    note('release', short(run.id), isOwn ? '' : 'zombie', released, call ? `for ${call.nano}` : '');
    if (call) await bookAnyway(run, [came, released], call);
    if (!call || call.isUnknown) if (came === 'released') books.unheld.add(run.id);
    const job = lane.jobs.get(run.id);
    if (!isOwn || !job) return;
    if (released === 'stopped') return lane.finish(run.id);
    job.state = 'waiting';
    if (!isDraining) job.attemptsMade += 1;
  }

  /** Jobs whose worker is gone are taken for stalled and wait again. */
  function stall() {
    for (const [id, job] of lane.jobs) {
      if (job.state === 'active' && !inHand.some((run) => run.id === id)) job.state = 'waiting';
    }
  }

  function crash() {
    const run = random.pick(inHand);
    if (!run) return;
    drop(run);
    if (random.chance(0.5)) zombies.push(run);
    note('crash', short(run.id));
    if (random.chance(0.5)) stall();
  }

  const known = () => ids.filter((id) => users.has(id) && !refused.has(id) && !deleted.has(id));

  async function cancel() {
    const id = (random.chance(0.4) && random.pick(inHand)?.id) || random.pick(known().slice(-5));
    if (!id) return;
    note('cancel', short(id));
    const [isQueued, heir] = (await scripts.cancel([keys.job(id)], [id])) as [number, string];
    if (isQueued && !chance(0.2)) await lane.producer.queue.remove(id);
    await enqueueHeir(heir || undefined);
  }

  async function remove() {
    const id = random.pick(known());
    if (!id) return;
    const outcome = await scripts.remove([keys.job(id)], [id]);
    note('delete', short(id), outcome);
    if (outcome === 'deleted') deleted.add(id);
  }

  async function release() {
    const id = random.pick(known());
    if (!id) return;
    const outcome = await scripts.release([keys.job(id)], [id]);
    note('let go', short(id), outcome);
    if (outcome === 'released' && !chance(0.3)) await laneQueues.requeue(id);
  }

  async function attend() {
    const id = random.pick(known());
    if (!id) return;
    const mode = random.pick(['join', 'renew', 'leave', 'leave', 'dispense']) ?? 'join';
    note(mode, short(id));
    await scripts.attend([keys.job(id)], [mode, random.pick(['api', 'poll']) ?? '', 15_000, 600_000, id]);
  }

  async function pass(ms: number) {
    now += ms;
    await redis.set(clock, now);
    note('time', ms);
  }

  async function tick() {
    note('tick');
    await timekeeper.tick();
    if (faults.length > 0) throw faults[0];
  }

  const steps: [weight: number, step: () => unknown][] = [
    [6, submit],
    [6, take],
    [2, goOn],
    [
      6,
      async () => {
        const run = random.pick(inHand);
        if (run) await say(run, true);
      },
    ],
    [
      5,
      async () => {
        const run = random.pick(inHand);
        if (run) await end(run, true);
      },
    ],
    [3, crash],
    [1, stall],
    [
      1,
      async () => {
        const run = random.pick(zombies);
        if (run) await say(run, false);
      },
    ],
    [
      2,
      async () => {
        const run = random.pick(zombies);
        if (!run) return;
        await end(run, false);
      },
    ],
    [4, cancel],
    [1, remove],
    [1, release],
    [2, attend],
    [3, () => pass(random.whole(random.pick([100, 3000, 20_000]) ?? 1))],
    [0.2, () => pass(-random.whole(2000))],
    [4, tick],
  ];
  const total = steps.reduce((sum, [weight]) => sum + weight, 0);

  async function step() {
    let left = (random.whole(1_000_000) / 1_000_000) * total;
    for (const [weight, run] of steps) {
      left -= weight;
      if (left < 0) {
        await run();
        return;
      }
    }
  }

  const hash = async (id: string) => pairsToHash((await redis.call('HGETALL', keys.job(id))) as string[]);

  async function check() {
    const calling = new Set<string>();
    const open: string[] = [];
    const holding = new Set<string>();
    const owners = new Set<string>();
    for (const id of ids) {
      const record = await hash(id);
      if (record.state === undefined) {
        const isCalled = inHand.some(({ run }) => run === callsOfLeft.get(id));
        expect(isCalled, `${short(id)} is gone while its call goes on`).toBe(false);
        expect(Object.keys(record), `${short(id)} is a shard of a record`).toEqual([]);
        expect(await redis.exists(keys.followers(id), keys.log(id), keys.readers(id)), `${short(id)} left keys`).toBe(
          0,
        );
        continue;
      }
      expect(await redis.pttl(keys.job(id)), `${short(id)} has an expiry`).toBeGreaterThan(0);
      const final = isFinal(record.state as JobState);
      if (!final) open.push(id);
      // Its call goes on for others, and may be made again.
      else if (record.detached === '1') calling.add(id);
      const isHolding = (!final || record.detached === '1') && !books.unheld.has(id);
      if (record.hold !== undefined && isHolding) holding.add(id);
      expect(record.holding, `${short(id)} holds`).toBe(holding.has(id) ? '1' : undefined);
      await checkLog(id, record);
      const followers = await redis.zrange(keys.followers(id), '0', '-1');
      if (followers.length > 0) owners.add(id);
      for (const follower of followers) {
        const [state, leader] = await redis.hmget(keys.job(follower), 'state', 'leader');
        expect([leader, isFinal(state as JobState)], `${short(follower)} follows ${short(id)}`).toEqual([id, false]);
      }
      if (followers.length > 0 && final)
        expect(record.detached, `${short(id)} has ended without its followers`).toBe('1');
      if (!final && record.leader) {
        expect(followers, `${short(id)} follows and is followed`).toEqual([]);
        expect(
          await redis.zscore(keys.followers(record.leader), id),
          `${short(id)} is known to its leader`,
        ).not.toBeNull();
        expect(lane.jobs.has(id), `${short(id)} follows and is in the lane`).toBe(false);
      }
      if (record.detached && record.run) callsOfLeft.set(id, record.run);
      else callsOfLeft.delete(id);
      if (final && record.detached && record.run && followers.length === 0) {
        expect(record.stop, `the call of ${short(id)}, which nobody wants`).toBeDefined();
      }
      if (final) {
        if (told.has(id) && !record.held)
          expect(record.failure ?? '', `${short(id)} was forgotten`).not.toMatch('week');
        expect(await redis.exists(keys.readers(id)), `readers of ${short(id)}`).toBe(0);
        expect(await redis.zscore(keys.due, id), `${short(id)} is cleared away some time`).not.toBeNull();
        const end = JSON.stringify([record.state, record.failure, record.finishedMs, record.endSequence]);
        expect(ends.get(id) ?? end, `${short(id)} has ended twice`).toBe(end);
        // A leader that had left has its end in the midst of the log, and may have to pay for the rest.
        if (record.answer && !ends.has(id)) await checkText(id, record);
        ends.set(id, end);
        if (record.answer) answered.set(id, { call: JSON.parse(record.answer).providerRequestId, free: !!record.free });
      }
    }
    expect(new Set(await redis.zrange(keys.jobIndex('acme', 'open'), '0', '-1')), 'open index').toEqual(new Set(open));
    for (const id of await redis.zrange(keys.unqueued, '0', '-1')) expect(open, `${short(id)} unqueued`).toContain(id);
    for (const id of await redis.zrange(keys.parked('sandbox'), '0', '-1'))
      expect(open, `${short(id)} parked`).toContain(id);
    for (const digest of ['d1', 'd2']) {
      const flight = await redis.get(keys.flight(digest));
      if (flight) {
        expect(open, `flight ${digest} is ${short(flight)}`).toContain(flight);
        expect(await redis.hget(keys.job(flight), 'leader')).toBeNull();
      }
    }
    await checkBooks(new Set(open), holding, calling);
  }

  /** What is counted is what has happened, and no budget is overspent. */
  async function checkBooks(open: Set<string>, holding: Set<string>, calling: Set<string>) {
    for (const [entry, fields] of await redis.xrange(keys.ledger, lastRow, '+')) {
      lastRow = `(${entry}`;
      books.write(ledgerRow.parse(JSON.parse(pairsToHash(fields).row ?? '')));
    }
    sums = sumsOf(books, (id) => holding.has(id));
    const isMore = ({ spent, reserved, unsettled }: TestSpend) => spent !== 0 || reserved !== 0 || unsettled !== 0;
    const counted = (await countedSums()).filter(([, sum]) => isMore(sum));
    expect(Object.fromEntries(counted), 'what is counted').toEqual(
      Object.fromEntries([...sums].filter(([, sum]) => isMore(sum))),
    );
    for (const [id, { hold }] of books.accounts()) {
      for (const budget of hold?.budgets ?? []) {
        expect(sumOf(budget), `the budget ${JSON.stringify(budget)} of ${short(id)}`).toBeLessThanOrEqual(
          Number(budget.limit),
        );
      }
    }
    await checkLimits(open, calling);
  }

  async function countedSums(): Promise<[name: string, sum: TestSpend][]> {
    const prefix = keys.spend('', '').slice(0, -1);
    const found = await redis.keys(`${prefix}*`);
    return Promise.all(
      found.map(async (key) => {
        const { spent = 0, reserved = 0, unsettled = 0 } = await redis.hgetall(key);
        const [period, ...subject] = key.slice(prefix.length).split(':');
        const sum = { spent: Number(spent), reserved: Number(reserved), unsettled: Number(unsettled) };
        return [`${period} ${subject.join(':')}`, sum] as [string, TestSpend];
      }),
    );
  }

  async function checkLimits(open: Set<string>, calling: Set<string>) {
    places = new Set(await redis.zrange(policy.place, '0', '-1'));
    const hasPlace = ([id, { hold, isCounted }]: ReturnType<typeof books.accounts>[number]) =>
      (open.has(id) || calling.has(id)) && isCounted && (hold?.places.length ?? 0) > 0;
    const holders = books.accounts().filter(hasPlace);
    expect(places, 'places that are held').toEqual(new Set(holders.map(([id]) => id)));
    if (!policy.window) return;
    const peek = ['peek', '', 'slots', 1_000_000_000, policy.window.ms, 1];
    const [, , used] = (await scripts.limits([policy.window.key], peek)) as number[];
    expect(used, 'tokens that are counted').toBe(tokensOf(books, (id) => open.has(id)));
  }

  /** Of every budget each mark is told of once, and so is a refusal. */
  async function checkTold() {
    const told = (await redis.xrange(keys.webhookOutbox, '-', '+')).map(([, fields]) => pairsToHash(fields));
    const names = told.map(({ type, subject, period, limit, percent }) =>
      [type, subject, period, limit, percent].join(' '),
    );
    expect(names.toSorted(), 'each is told once').toEqual([...new Set(names)].toSorted());
    for (const { type, subject, period, percent, limit } of told) {
      const { spent = 0 } = sums.get(`${period} ${subject}`) ?? {};
      if (type === 'budget.threshold') expect(100 * spent).toBeGreaterThanOrEqual(Number(percent) * Number(limit));
    }
  }

  /** What the log tells a reader from its beginning to the job's end is the answer. */
  async function checkText(id: string, { leader, answer = '', endSequence = '' }: Record<string, string>) {
    const entries = await redis.xrange(keys.log(leader ?? id), '-', `${endSequence}-0`);
    if (entries.length === 0 && leader && (await redis.exists(keys.job(leader))) === 0) return;
    expect(entries.at(-1)?.[0], `last entry for ${short(id)}`).toBe(`${endSequence}-0`);
    expect(textOf(entries), `text of ${short(id)}`).toBe(JSON.parse(answer).text);
  }

  async function checkLog(id: string, record: Record<string, string>) {
    const entries = await redis.xrange(keys.log(id), '-', '+');
    const numbers = entries.map(([entry]) => Number(entry.split('-')[0]));
    const last = Number(record.sequence ?? 0);
    if (numbers.length === 0) {
      expect(record.leader ? 0 : last, `log of ${short(id)}`).toBe(0);
      return;
    }
    const first = numbers[0] ?? 0;
    expect(numbers, `log of ${short(id)}`).toEqual(Array.from({ length: numbers.length }, (_, index) => first + index));
    expect(numbers.at(-1)).toBe(last);
    const begin = parseLogEntry(entries[0] as [string, string[]]);
    expect(begin?.sequence === 1 || begin?.event.type === 'snapshot').toBe(true);
  }

  function textOf(entries: [string, string[]][]) {
    let text = '';
    for (const entry of entries) {
      const event = parseLogEntry(entry)?.event;
      if (event?.type === 'text-delta') text += event.text;
      if (event?.type === 'snapshot') text = event.text;
      if (event?.type === 'retrying' && event.reset) text = '';
    }
    return text;
  }

  /** Lets all runs come to an end; one that falls back has not. */
  async function endAll() {
    while (inHand.length > 0) for (const run of [...inHand]) await end(run, true);
  }

  async function quiesce() {
    faulty = false;
    while (underway.length > 0) await goOn();
    for (let round = 0; round < 60; round += 1) {
      await endAll();
      stall();
      await check();
      await pass(round < 20 ? 5000 : 12 * hour);
      for (let ticks = 0; ticks < 3; ticks += 1) await tick();
      for (let turn = 0; turn < 200 && [...lane.jobs.values()].some(({ state }) => state === 'waiting'); turn += 1) {
        await take();
        await endAll();
        stall();
      }
      await check();
      const states = await Promise.all(ids.map((id) => redis.hget(keys.job(id), 'state')));
      if (states.every((state) => state === null || isFinal(state as JobState))) return;
    }
    const left = await Promise.all(ids.map(async (id) => [short(id), await hash(id)] as const));
    throw new Error(
      `not ended: ${JSON.stringify(left.filter(([, { state }]) => state && !isFinal(state as JobState)))}`,
    );
  }

  async function checkPayers() {
    const payers = [...answered.values()].filter(({ free }) => !free).map(({ call }) => call);
    expect(payers.sort(), 'one payer for each call').toEqual([...paid].sort());
    for (const { call } of answered.values()) expect(paid).toContain(call);
    checkRows(books);
    const shared = books.rows.filter(({ kind }) => kind === 'coalesced').map(({ generation }) => generation);
    const free = [...answered].filter((entry) => entry[1].free).map(([id]) => id);
    expect(shared.toSorted(), 'a row for each that was given an answer').toEqual(free.toSorted());
    for (const [name, { reserved }] of sums) expect(reserved, `reserved of ${name}`).toBe(0);
    expect(places.size, 'places that are held').toBe(0);
    await checkTold();
  }

  async function clearAway() {
    await pass(2 * hour);
    for (let ticks = 0; ticks < 3; ticks += 1) {
      await tick();
      await pass(61_000);
    }
    const kept =
      /:(gone|spend|ledger|webhook-outbox|cache|cache-index|cache-stats|attach|idempotency|fair-clock|fair-flows|clock|limit)(:|$)/;
    const left = (await redis.keys(`${keys.job('').replace(':job:', '')}:*`)).filter((key) => !kept.test(key));
    expect(left, 'what is left').toEqual([]);
  }

  return { step, check, quiesce, checkPayers, clearAway, history };
}

test.for(seeds)(
  'whatever happens, each job comes to one end, is paid for once within its budgets, and leaves nothing behind (%i)',
  async (seed) => {
    const world = await openWorld(seed);
    try {
      for (let number = 0; number < 120; number += 1) {
        await world.step();
        await world.check();
      }
      await world.quiesce();
      await world.checkPayers();
      await world.clearAway();
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${world.history.join('\n')}`, {
        cause: error,
      });
    }
  },
);
