// What durability costs: a generation through api, queue and worker against the same call made straight to the
// provider, interleaved, both over HTTP to the same sandbox.
// usage: node scripts/run.mjs node bench/main-path.ts [requests per round] [rounds] [generate | chat | chat-stream]
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { post, startGateway } from '@llm-gateway/testkit/start-gateway';
import { Redis } from 'ioredis';
import { startPrivatePostgres } from '../scripts/postgres/start-private-postgres.ts';
import { startPrivateRedis } from '../scripts/redis/start-private-redis.ts';
import { temporaryFolder } from '../scripts/temporary-folder.ts';

const [requestsPerRound = 300, rounds = 5] = process.argv.slice(2, 4).map(Number);
const way = process.argv[4] ?? 'generate';
const model = 'sandbox/tokens-16';

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

let counter = 0;

/** Sends so many requests with so many at once; gives each one's time and the rate of all. */
async function round(send: (prompt: string) => Promise<{ status: number }>, concurrency: number) {
  let left = requestsPerRound;
  const timesMs: number[] = [];
  const startedMs = performance.now();
  const client = async () => {
    while (left-- > 0) {
      const before = performance.now();
      const { status } = await send(`question ${counter++}`);
      if (status !== 200) throw new Error(`answered ${status}`);
      timesMs.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  return { p50Ms: median(timesMs), perSecond: requestsPerRound / ((performance.now() - startedMs) / 1000) };
}

/** User and system time of a process so far, in microseconds (Linux counts it in hundredths of a second). */
async function cpuUs(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

const dir = temporaryFolder('llm-gateway-bench');
const redis = await startPrivateRedis({ dir: join(dir, 'redis') });
const postgres = await startPrivatePostgres({ dir: join(dir, 'postgres') });
const unlimited = { MAX_REQUESTS_PER_MINUTE: '1000000', MAX_REQUESTS_PER_HOUR: '10000000', LOG_LEVEL: 'warn' };
const gateway = await startGateway({
  redisUrl: redis.url,
  databaseUrl: postgres.url,
  environment: { ...unlimited, LOCK_DURATION_MS: '15000' },
});
const ping = new Redis(redis.url);

const chatOf = (prompt: string) => ({
  model,
  messages: [{ role: 'user', content: prompt }],
  ...(way === 'chat-stream' ? { stream: true } : {}),
});
const throughGateway = (prompt: string) =>
  way === 'generate'
    ? gateway.generate({ prompt, model, user_id: 'bench' })
    : post(`${gateway.url}/v1/chat/completions`, chatOf(prompt));
const direct = (prompt: string) =>
  post(`${gateway.sandboxProcess.url}/v1/chat/completions`, chatOf(prompt), { authorization: 'Bearer bench' });

try {
  for (const concurrency of [1, 64]) {
    const measured = { direct: [], gateway: [] } as Record<'direct' | 'gateway', Awaited<ReturnType<typeof round>>[]>;
    const pids = { api: gateway.apis[0]?.pid ?? 0, worker: gateway.workers[0]?.pid ?? 0, redis: redis.pid };
    await round(throughGateway, concurrency);
    await round(direct, concurrency);
    const before = await Promise.all(Object.values(pids).map(cpuUs));
    for (let index = 0; index < rounds; index += 1) {
      measured.gateway.push(await round(throughGateway, concurrency));
      measured.direct.push(await round(direct, concurrency));
    }
    const after = await Promise.all(Object.values(pids).map(cpuUs));
    const perRequest = Object.keys(pids).map((name, index) => {
      const spentUs = (after[index] ?? 0) - (before[index] ?? 0);
      return `${name} ${Math.round(spentUs / (requestsPerRound * rounds))}`;
    });
    const { p50Ms: pingMs } = await round(() => ping.ping().then(() => ({ status: 200 })), 1);
    const p50 = (which: 'direct' | 'gateway') => median(measured[which].map((one) => one.p50Ms));
    const rate = (which: 'direct' | 'gateway') => median(measured[which].map((one) => one.perSecond));
    const addedMs = p50('gateway') - p50('direct');
    console.log(
      `${concurrency} at once: p50 ${p50('gateway').toFixed(1)} ms against ${p50('direct').toFixed(1)} ms direct ` +
        `(added ${addedMs.toFixed(1)} ms = ${(addedMs / pingMs).toFixed(0)} Redis round trips), ` +
        `rate ${rate('gateway').toFixed(0)}/s against ${rate('direct').toFixed(0)}/s (ratio ${(rate('gateway') / rate('direct')).toFixed(2)}), ` +
        `CPU µs a request: ${perRequest.join(', ')}`,
    );
  }
} finally {
  ping.disconnect();
  await gateway.stop();
  await redis.stop();
  await postgres.stop();
  await rm(dir, { recursive: true, force: true });
}
