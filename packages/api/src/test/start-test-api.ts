import { randomUUID } from 'node:crypto';
import { loadConfig } from '@llm-gateway/shared/config/load-config';
import { anthropicApis, openAIApis } from '@llm-gateway/shared/contracts/native-body';
import { announceLanes, type ServedLane } from '@llm-gateway/shared/lanes/announcements';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import { connectRedis, whenReady } from '@llm-gateway/shared/redis/connect';
import { followRouting } from '@llm-gateway/shared/routing/follow-routing';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import type { Redis } from 'ioredis';
import { buildApp } from '../app.ts';
import type { AuthMode } from '../auth/authenticate.ts';
import { composeApi } from '../compose-api.ts';
import { apiConfig } from '../config.ts';
import { closeDelivery } from '../delivery/close-delivery.ts';
import type { ApiDeps } from '../deps.ts';
import { readBooked } from './read-booked.ts';
import { createHand, type Ending, type Hand } from './settle-by-hand.ts';

export const adminKey = 'test-admin-key-0123456789';

const nobodyAnswers = 'postgres://nobody@127.0.0.1:1/none';

const apisOf = (lane: Lane) => (lane === 'anthropic' ? anthropicApis : openAIApis);

export interface TestApiOptions {
  redisUrl: string;
  /** By default an address at which nobody answers: most routes need no database. */
  databaseUrl?: string;
  authMode?: AuthMode;
  /** On top of the tests' own configuration. */
  environment?: Record<string, string>;
  /** The lanes that a worker has announced. */
  lanes?: readonly Lane[];
  /** Gets every line of the log, down to the finest. */
  hears?: (line: string) => void;
}

/** What a refused request must leave as it was. */
export interface Traces {
  jobs: number;
  queued: number;
  counted: number[];
}

export interface TestApi {
  app: FastifyInstance;
  deps: ApiDeps;
  redis: Redis;
  hand: Hand;
  /** Ids of the accepted jobs, oldest first. */
  accepted: string[];
  /** How jobs end as soon as they are accepted; by default they stay queued. */
  answers: ((id: string) => Ending | undefined) | undefined;
  drain: { begun: boolean };
  inject: (options: InjectOptions) => Promise<LightMyRequestResponse>;
  get: (url: string, headers?: Record<string, string>) => Promise<LightMyRequestResponse>;
  generate: (body: object | string, headers?: Record<string, string>) => Promise<LightMyRequestResponse>;
  /** The id of the next job to be accepted after the first `count`. */
  job: (count: number) => Promise<string>;
  traces: (userId: string) => Promise<Traces>;
  /** What a user is to be charged with. */
  booked: (userId: string) => ReturnType<typeof readBooked>;
  close: () => Promise<void>;
}

/** The api without a port and without a worker, on a real Redis under a key prefix of its own. */
export async function startTestApi(options: TestApiOptions): Promise<TestApi> {
  const { redisUrl, databaseUrl = nobodyAnswers, authMode = 'open', environment = {} } = options;
  const { lanes = ['openai', 'anthropic', 'sandbox'], hears } = options;
  const config = loadConfig(apiConfig, {
    REDIS_URL: redisUrl,
    DATABASE_URL: databaseUrl,
    KEY_PREFIX: `test-${randomUUID().slice(0, 18)}`,
    ADMIN_API_KEY: adminKey,
    ...environment,
  });
  const log = createLogger({ service: 'api-test', level: hears ? 'trace' : 'silent', to: hears });
  const connect = (role: 'producer' | 'subscriber') => connectRedis({ url: redisUrl, name: `api-${role}`, role, log });
  const redis = connect('producer');
  const subscriber = connect('subscriber');
  await Promise.all([whenReady(redis), whenReady(subscriber)]);

  const drain = { begun: false };
  const isDraining = () => drain.begun;
  const routing = await followRouting({ path: config.ROUTING_FILE, log, intervalMs: 20 });
  const deps = await composeApi({ config, authMode, log, redis, subscriber, redisWarnings: [], isDraining, routing });
  const served = new Map(lanes.map((lane): [Lane, ServedLane] => [lane, { mode: 'sandbox', apis: apisOf(lane) }]));
  if (lanes.length > 0) await announceLanes(redis, deps.keys, 'test-worker', served);

  const hand = createHand(redis, deps.keys);
  const accept = deps.admission.accept;
  deps.admission.accept = async (job) => {
    const accepted = await accept(job);
    if (accepted.kind === 'accepted' || accepted.kind === 'followed') {
      api.accepted.push(job.id);
      const ending = api.answers?.(job.id);
      if (ending) await hand.settle(job.id, ending);
    }
    return accepted;
  };
  const app = await buildApp(deps);
  const api: TestApi = {
    app,
    deps,
    redis,
    hand,
    accepted: [],
    answers: undefined,
    drain,
    inject: (request) => app.inject(request),
    get: (url, headers = {}) => app.inject({ method: 'GET', url, headers }),
    generate: (payload, headers = {}) =>
      app.inject({
        method: 'POST',
        url: '/v1/generate',
        payload,
        headers: { 'content-type': 'application/json', ...headers },
      }),
    job: (count) => waitFor(() => api.accepted[count], { what: `job ${count} is accepted`, intervalMs: 2 }),
    traces: (userId) => tracesOf(deps, userId),
    booked: (userId) => readBooked(redis, deps.keys, userId),
    async close() {
      await app.close();
      closeDelivery(deps);
      routing.close();
      await Promise.all([
        ...deps.queues().map((queue) => queue.close()),
        deps.counter.close(),
        deps.database.destroy(),
      ]);
      for (const connection of [redis, subscriber]) connection.disconnect();
    },
  };
  return api;
}

async function tracesOf({ redis, keys, admission, queues }: ApiDeps, userId: string): Promise<Traces> {
  const jobs = await countKeys(redis, keys.job('*'));
  const queued = await Promise.all(queues().map((queue) => queue.count()));
  const { rules } = await admission.policies.of({ tenantId: 'default', userId });
  const decision = await admission.limiter.peek(rules);
  return {
    jobs,
    queued: queued.reduce((sum, count) => sum + count, 0),
    counted: decision.rules.map(({ used }) => used),
  };
}

async function countKeys(redis: Redis, pattern: string): Promise<number> {
  let count = 0;
  for await (const keys of redis.scanStream({ match: pattern, count: 1000 })) count += (keys as string[]).length;
  return count;
}
