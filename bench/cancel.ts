// How soon a cancellation ends the call at the provider: from the request to any api process until the provider sees its
// connection go, with the running calls spread over two workers; beside it the time of a request that changes nothing.
// usage: node scripts/run.mjs node bench/cancel.ts [cancellations]
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { post, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { startPrivatePostgres } from '../scripts/postgres/start-private-postgres.ts';
import { startPrivateRedis } from '../scripts/redis/start-private-redis.ts';
import { temporaryFolder } from '../scripts/temporary-folder.ts';

const cancellations = Number(process.argv[2] ?? 200);

const dir = temporaryFolder('llm-gateway-bench');
const redis = await startPrivateRedis({ dir: join(dir, 'redis') });
const postgres = await startPrivatePostgres({ dir: join(dir, 'postgres') });
const environment = { MAX_REQUESTS_PER_MINUTE: '1000000', MAX_REQUESTS_PER_HOUR: '1000000', LOG_LEVEL: 'warn' };
const gateway = await startGateway({
  redisUrl: redis.url,
  databaseUrl: postgres.url,
  apis: 2,
  workers: 2,
  environment,
});
const url = (number: number) => gateway.apis[number % 2]?.url ?? '';

const quantile = (values: number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN;
const shown = (values: number[]) =>
  `p50 ${quantile(values, 0.5).toFixed(1)}, p99 ${quantile(values, 0.99).toFixed(1)}, max ${Math.max(...values).toFixed(1)} ms`;

/** Begins a long call, cancels it, and gives the time until the provider saw it end. */
async function cancelOne(number: number): Promise<{ endedMs: number; lookMs: number }> {
  const requestId = `cancel-${number}`;
  const body = { prompt: `story ${number}`, model: 'sandbox/drip-20+tokens-2000', user_id: 'bench' };
  const { body: job } = await post(`${url(number)}/v1/generate`, body, {
    prefer: 'respond-async',
    'x-request-id': requestId,
  });
  const callsOf = () => gateway.sandbox.calls({ request_id: requestId });
  await waitFor(async () => (await callsOf()).length > 0, { what: 'the call', intervalMs: 5 });

  const before = performance.now();
  await send(`${url(number + 1)}/v1/jobs/${job.id}`);
  const lookMs = performance.now() - before;
  const cancelledAtMs = Date.now();
  await post(`${url(number + 1)}/v1/jobs/${job.id}/cancel`, {});
  const ended = await waitFor(async () => (await callsOf()).find(({ state }) => state === 'ended'), {
    what: 'the end',
  });
  return { endedMs: Date.parse((ended as unknown as { ended_at: string }).ended_at) - cancelledAtMs, lookMs };
}

try {
  // Twenty at once, as on a gateway that has other things to do.
  const measured: Awaited<ReturnType<typeof cancelOne>>[] = [];
  let next = 0;
  const client = async () => {
    while (next < cancellations) measured.push(await cancelOne(next++));
  };
  await Promise.all(Array.from({ length: 20 }, client));
  const ends = measured.map(({ endedMs }) => endedMs);
  const looks = measured.map(({ lookMs }) => lookMs);
  console.log(`cancel to the end of the provider's call: ${shown(ends)}; a look at the job: ${shown(looks)}`);
  console.log(`ratio of the medians: ${(quantile(ends, 0.5) / quantile(looks, 0.5)).toFixed(1)}`);
} finally {
  await gateway.stop();
  await redis.stop();
  await postgres.stop();
  await rm(dir, { recursive: true, force: true });
}
