import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { type Failure, GatewayError } from '@llm-gateway/shared/contracts/failure';
import { createLogger, type Logger } from '@llm-gateway/shared/observability/logger';
import { createMetrics } from '@llm-gateway/shared/observability/metrics';
import { createPriceBook } from '@llm-gateway/shared/pricing/price-book';
import { createLaneQueues, type LaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import { createKeys, type Keys } from '@llm-gateway/shared/redis/keys';
import { createTokenCounter, type TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import type { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, inject, onTestFinished } from 'vitest';
import type { WorkerDeps } from './deps.ts';
import { createInHand, type InHand } from './in-hand.ts';
import { serveLanes } from './lanes.ts';
import type { Piece, Provider, ProviderRequest } from './providers/provider.ts';
import { createSettlement } from './settlement/settlement.ts';
import { createStops, type Stops } from './stops.ts';
import { acceptJob, pricedAnswer, readJob, type TestFields } from './test-job.ts';
import { textPiece } from './test-pieces.ts';

// Long enough that a delayed job stays delayed until a test moves it on.
export const patient = { attempts: 3, baseDelayMs: 20_000 };

export const silent: Logger = createLogger({ service: 'test', level: 'silent' });

const { costNanoUsd: _cost, priceVersion: _version, ...whole } = pricedAnswer();
/** What `answers` gives, before it is priced. */
export const answer: Answer = whole;

/** How one call of a fake provider goes. */
export type Act = (signal: AbortSignal, request: ProviderRequest) => Promise<Answer> | AsyncGenerator<Piece, Answer>;

/** A provider whose calls go as told, one after the other; the last way goes on for ever. */
export function fakeProvider(...acts: [Act, ...Act[]]) {
  const signals: AbortSignal[] = [];
  const requests: ProviderRequest[] = [];
  const provider: Provider = {
    mode: 'sandbox',
    apis: [],
    classify: (error) =>
      error instanceof GatewayError ? error.failure : { code: 'internal', detail: 'The gateway failed.' },
    async *generate(request, signal) {
      const act = acts[signals.length] ?? acts[acts.length - 1];
      signals.push(signal);
      requests.push(request);
      yield textPiece('');
      if (!act) throw new Error('nothing to do');
      const acted = act(signal, request);
      return Symbol.asyncIterator in acted ? yield* acted : await acted;
    },
  };
  return { provider, signals, requests };
}

export const answers: Act = async () => answer;
export const fails = (failure: Failure): Act => {
  return async () => {
    throw new GatewayError(failure);
  };
};
export const busy = fails({ code: 'provider_busy', detail: 'sandbox answered 503.' });
/** Ends only when it is aborted. */
export const hangs: Act = (signal) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
/** Gives out text, and then hangs. */
export const says = (...texts: string[]): Act =>
  async function* (signal, request) {
    yield* texts.map(textPiece);
    return hangs(signal, request) as Promise<Answer>;
  };

export interface Serving {
  worker: Worker;
  draining: AbortController;
  inHand: InHand;
  deps: WorkerDeps;
}

export interface ServeOptions {
  deps?: Partial<WorkerDeps>;
  retry?: typeof patient;
  lockDurationMs?: number;
  concurrency?: number;
}

interface Opened {
  redis: Redis;
  counter: TokenCounter;
  keys: Keys;
  laneQueues: LaneQueues;
  stops: Stops;
}

function openLane(
  { redis, counter, keys, laneQueues, stops }: Opened,
  provider: Provider,
  { deps: changes = {}, retry = patient, lockDurationMs = 30_000, concurrency = 5 }: ServeOptions,
): Serving {
  const deps: WorkerDeps = {
    log: silent,
    metrics: createMetrics(),
    providers: new Map([['sandbox', provider]]),
    prices: createPriceBook({ overrides: {} }),
    counter,
    settlement: createSettlement({ redis, keys, cacheMaxBytes: 1_000_000 }),
    stops,
    laneQueues,
    callLimits: { timeoutMs: 60_000, idleMs: 60_000 },
    retryLimits: { ...retry, retryAfterMaxMs: 600_000 },
    lossesMax: 3,
    logMaxBytes: 1_000_000,
    ...changes,
  };
  const draining = new AbortController();
  const inHand = createInHand();
  const lanes = serveLanes(
    {
      connection: redis,
      prefix: keys.queuePrefix,
      retry,
      concurrency,
      lockDurationMs,
      stalledIntervalMs: 500,
      draining: draining.signal,
      inHand,
    },
    deps,
  );
  const [worker] = lanes.workers();
  if (!worker) throw new Error('no lane is served');
  onTestFinished(async () => {
    draining.abort('draining');
    await lanes.close();
  });
  return { worker, draining, inHand, deps };
}

/** The sandbox's lane with its worker, on a Redis prefix of each test's own. Registers the hooks for it. */
export function openLaneBench() {
  let redis: Redis;
  let keys: Keys;
  let laneQueues: LaneQueues;
  let queue: Queue;
  let stops: Stops;
  const counter = createTokenCounter();
  beforeAll(() => {
    redis = new Redis(inject('redisUrl'), { maxRetriesPerRequest: null });
  });
  beforeEach(async () => {
    keys = createKeys(`test-${randomUUID()}`);
    laneQueues = createLaneQueues({ redis, keys, retry: patient });
    queue = laneQueues.open('sandbox').queue;
    const subscriber = redis.duplicate();
    stops = await createStops({ redis, subscriber, keys, sweepMs: 60_000 });
    const opened = { laneQueues, stops };
    onTestFinished(async () => {
      opened.stops.close();
      subscriber.disconnect();
      await opened.laneQueues.close();
    });
  });
  afterAll(() => Promise.all([redis.quit(), counter.close()]));

  const serve = (provider: Provider, options: ServeOptions = {}) =>
    openLane({ redis, counter, keys, laneQueues, stops }, provider, options);

  /** Gives an accepted job its place in the lane. */
  const enqueue = (id: string, { attempts = patient.attempts, priority = 41 } = {}) =>
    laneQueues.add({ lane: 'sandbox', id, requestId: 'req_1', priority, attempts });

  return {
    redis: () => redis,
    keys: () => keys,
    laneQueues: () => laneQueues,
    queue: () => queue,
    counter,
    serve,
    enqueue,
    async submit(fields: TestFields = {}, attempts = patient.attempts): Promise<string> {
      const id = await acceptJob(redis, keys, fields);
      await enqueue(id, { attempts });
      return id;
    },
    read: (id: string) => readJob(redis, keys, id),
    /** The job in BullMQ, once it is in that state. */
    inState: (id: string, state: string) =>
      waitFor(
        async () => {
          if ((await queue.getJobState(id)) !== state) return undefined;
          return queue.getJob(id);
        },
        { what: `${id} ${state}` },
      ),
  };
}
