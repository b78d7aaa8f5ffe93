// What an open stream costs an api process: N readers of N jobs that wait, then N readers of one job that runs, against
// a bare Node server that holds as many streams open and knows nothing.
// usage: node scripts/run.mjs node bench/streams.ts [readers]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { post, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { startPrivatePostgres } from '../scripts/postgres/start-private-postgres.ts';
import { startPrivateRedis } from '../scripts/redis/start-private-redis.ts';
import { temporaryFolder } from '../scripts/temporary-folder.ts';

const readers = Number(process.argv[2] ?? 10_000);
const openedAtOnce = 200;

interface Reader {
  socket: Socket;
  bytes: number;
  isDone: boolean;
  lastAtMs: number;
}

/** Opens one stream with as little on our side as can be. */
function open(url: URL, path: string): Promise<Reader> {
  const { promise, resolve, reject } = Promise.withResolvers<Reader>();
  const socket = connect(Number(url.port), url.hostname);
  const reader: Reader = { socket, bytes: 0, isDone: false, lastAtMs: 0 };
  socket.once('error', reject);
  socket.on('data', (chunk) => {
    if (reader.bytes === 0) resolve(reader);
    reader.bytes += chunk.length;
    reader.lastAtMs = performance.now();
    if (chunk.includes('event: job.completed')) reader.isDone = true;
  });
  socket.write(`GET ${path} HTTP/1.1\r\nhost: bench\r\naccept: text/event-stream\r\n\r\n`);
  return promise;
}

async function openAll(base: string, pathOf: (index: number) => string): Promise<Reader[]> {
  const url = new URL(base);
  const opened: Reader[] = [];
  for (let start = 0; start < readers; start += openedAtOnce) {
    const batch = Array.from({ length: Math.min(openedAtOnce, readers - start) }, (_, index) =>
      open(url, pathOf(start + index)),
    );
    opened.push(...(await Promise.all(batch)));
  }
  return opened;
}

const closeAll = (opened: Reader[]) => {
  for (const { socket } of opened) socket.destroy();
};

/** Resident memory of a process in bytes. */
async function rssOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** User and system time of a process so far, in seconds (Linux counts it in hundredths). */
async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const kib = (bytes: number) => `${(bytes / readers / 1024).toFixed(1)} KiB`;

/** Memory and idle CPU of a process while it holds all streams open. */
async function holdOpen(name: string, pid: number, base: string, pathOf: (index: number) => string): Promise<number> {
  const before = await rssOf(pid);
  const opened = await openAll(base, pathOf);
  await pause(5000);
  const perStream = (await rssOf(pid)) - before;
  const cpuBefore = await cpuSeconds(pid);
  await pause(20_000);
  const idle = ((await cpuSeconds(pid)) - cpuBefore) / 20;
  const alive = opened.filter(({ socket }) => !socket.destroyed).length;
  console.log(
    `${name}: ${alive} of ${readers} open, ${kib(perStream)} a stream, ${(idle * 100).toFixed(1)} % of a core while idle`,
  );
  closeAll(opened);
  await pause(2000);
  return perStream;
}

// The floor: a server that answers and then sends a comment every 15 s, with the keep-alive of ours.
const bareServer = `
  const open = new Set();
  setInterval(() => { for (const response of open) response.write(': hb\\n\\n'); }, 15000);
  require('node:http').createServer((request, response) => {
    open.add(response);
    response.once('close', () => open.delete(response));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 1000\\n\\n');
  }).listen(0, '127.0.0.1', function () { process.send(this.address().port); });`;

const dir = temporaryFolder('llm-gateway-bench');
const redis = await startPrivateRedis({ dir: join(dir, 'redis') });
const postgres = await startPrivatePostgres({ dir: join(dir, 'postgres') });
const environment = {
  MAX_REQUESTS_PER_MINUTE: '1000000000',
  MAX_REQUESTS_PER_HOUR: '1000000000',
  LANE_DEPTH_MAX: '1000000',
  LOG_LEVEL: 'warn',
  LOCK_DURATION_MS: '15000',
};
const gateway = await startGateway({ redisUrl: redis.url, databaseUrl: postgres.url, environment });
const bare = spawn(process.execPath, ['-e', bareServer], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
const [barePort] = (await once(bare, 'message')) as [number];
const api = gateway.apis[0];
if (!api) throw new Error('no api');

const submit = async (model: string, prompt: string) => {
  const body = { prompt, model, user_id: 'bench' };
  const { body: job } = await post(`${api.url}/v1/generate`, body, { prefer: 'respond-async' });
  return job.id as string;
};

try {
  // Jobs that wait: their worker has left.
  await Promise.all(gateway.workers.splice(0).map((worker) => worker.stop('SIGTERM')));
  const ids: string[] = [];
  while (ids.length < readers) {
    const batch = Array.from({ length: Math.min(100, readers - ids.length) }, (_, index) =>
      submit('sandbox/tokens-5', `wait ${ids.length + index}`),
    );
    ids.push(...(await Promise.all(batch)));
  }
  const floor = await holdOpen('bare node:http', bare.pid ?? 0, `http://127.0.0.1:${barePort}`, () => '/');
  const ours = await holdOpen(
    'gateway, each on a job of its own',
    api.pid,
    api.url,
    (n) => `/v1/jobs/${ids[n]}/events`,
  );
  console.log(`memory a stream: ${(ours / floor).toFixed(2)} of the bare server's`);

  // One job that runs, read by all.
  await gateway.startWorker();
  await waitFor(async () => (await gateway.get('/v1/health')).body.queue.waiting === 0, {
    what: 'the queue is empty',
    timeoutMs: 600_000,
    intervalMs: 500,
  });
  const running = await submit('sandbox/drip-500+tokens-60', 'run');
  const opened = await openAll(api.url, () => `/v1/jobs/${running}/events`);
  const startedMs = performance.now();
  await waitFor(() => opened.every(({ isDone }) => isDone), {
    what: 'all read to the end',
    timeoutMs: 600_000,
    intervalMs: 100,
  });
  const lastMs = Math.max(...opened.map(({ lastAtMs }) => lastAtMs));
  const firstMs = Math.min(...opened.map(({ lastAtMs }) => lastAtMs));
  const bytes = new Set(opened.map((reader) => reader.bytes));
  console.log(
    `one running job, ${readers} readers: all got the end, ${Math.round(lastMs - firstMs)} ms between the first and the last of them, ` +
      `${((performance.now() - startedMs) / 1000).toFixed(0)} s after the last came, ${bytes.size} different sizes`,
  );
  closeAll(opened);
} finally {
  bare.kill();
  await gateway.stop();
  await redis.stop();
  await postgres.stop();
  await rm(dir, { recursive: true, force: true });
}
