import { randomUUID } from 'node:crypto';
import { createDatabase } from './create-database.ts';
import { createSandboxClient, type SandboxClient } from './sandbox-client.ts';
import { type Running, startProcess } from './start-process.ts';

export const adminKey = 'test-admin-key-0123456789';

export interface GatewayOptions {
  redisUrl: string;
  /** The server on which the gateway gets a database of its own. */
  databaseUrl: string;
  apis?: number;
  workers?: number;
  /** Environment of the api and worker processes, on top of the tests' own. */
  environment?: Record<string, string>;
}

export interface Gateway {
  /** The first api process. */
  url: string;
  apis: Running[];
  workers: Running[];
  sandboxProcess: Running;
  sandbox: SandboxClient;
  keyPrefix: string;
  environment: Record<string, string>;
  startApi: () => Promise<Running>;
  startWorker: () => Promise<Running>;
  /** POST /v1/generate of the first api process. */
  generate: (body: unknown, headers?: Record<string, string>) => Promise<Reply>;
  get: (path: string, headers?: Record<string, string>) => Promise<Reply>;
  stop: () => Promise<void>;
}

export interface Reply {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies whose shape is what they assert
  body: any;
}

/** Sends a request and reads its JSON. */
export async function send(url: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : parse(text) };
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** POST with a JSON body; a string is sent as it is. */
export const post = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
  send(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

/** A whole gateway of real processes with the sandbox as its provider, apart from all others on the same servers. */
export async function startGateway({
  redisUrl,
  databaseUrl,
  apis = 1,
  workers = 1,
  environment = {},
}: GatewayOptions): Promise<Gateway> {
  const keyPrefix = `test-${randomUUID().slice(0, 18)}`;
  const database = await createDatabase(databaseUrl);
  const sandboxProcess = await startProcess('sandbox', { SANDBOX_PORT: '0' });
  const all = {
    REDIS_URL: redisUrl,
    DATABASE_URL: database.url,
    KEY_PREFIX: keyPrefix,
    SANDBOX_URL: sandboxProcess.url,
    PORT: '0',
    ADMIN_API_KEY: adminKey,
    // Fast enough for a test to see a second attempt and a recovery, slow enough for a busy machine to renew a lock.
    RETRY_BASE_DELAY_MS: '50',
    LOCK_DURATION_MS: '2000',
    STALLED_INTERVAL_MS: '1000',
    DRAIN_MS: '5000',
    ...environment,
  };
  const gateway: Pick<Gateway, 'apis' | 'workers'> = { apis: [], workers: [] };
  const startApi = async () => {
    const api = await startProcess('api', all);
    gateway.apis.push(api);
    return api;
  };
  const startWorker = async () => {
    const worker = await startProcess('worker', all);
    gateway.workers.push(worker);
    return worker;
  };
  const stop = async () => {
    await Promise.all([...gateway.apis, ...gateway.workers].map((running) => running.stop('SIGKILL')));
    await sandboxProcess.stop('SIGKILL');
    await database.drop().catch(() => {}); // a fault test may have ended the server, and the database with it
  };
  try {
    await Promise.all([...Array.from({ length: apis }, startApi), ...Array.from({ length: workers }, startWorker)]);
  } catch (error) {
    await stop();
    throw error;
  }
  const url = gateway.apis[0]?.url ?? '';
  return {
    ...gateway,
    url,
    sandboxProcess,
    sandbox: createSandboxClient(sandboxProcess.url),
    keyPrefix,
    environment: all,
    startApi,
    startWorker,
    generate: (body, headers) => post(`${url}/v1/generate`, body, headers),
    get: (path, headers = {}) => send(`${url}${path}`, { headers }),
    stop,
  };
}
