import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { createLineRunner } from '../batches/create-line-runner.ts';
import { createJobCommands } from '../jobs/job-commands.ts';
import { type MadeKey, makeKey } from '../test/make-key.ts';
import { startTestApi, type TestApi } from '../test/start-test-api.ts';
import { generationEndpoints } from './generation-endpoints.ts';

const file = `
models:
  fast: openai/gpt-4o
  smart: { targets: [openai/gpt-4o, anthropic/claude-haiku-4-5] }
  vectors: openai/text-embedding-3-large
`;

let folder: string;
let api: TestApi;
let claude: MadeKey;
let small: MadeKey;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'key-models-'));
  writeFileSync(join(folder, 'routing.yaml'), file);
  api = await startTestApi({
    redisUrl: inject('redisUrl'),
    authMode: 'keys',
    environment: { ROUTING_FILE: join(folder, 'routing.yaml') },
  });
  claude = await makeKey(api, { models: ['claude-haiku-4-5'] });
  small = await makeKey(api, { models: ['text-embedding-3-small'] });
});
afterAll(async () => {
  await api?.close();
  rmSync(folder, { recursive: true, force: true });
});

const said = { messages: [{ role: 'user', content: 'x' }] };

/** Bodies, without a model, that each endpoint would take. */
const bodies: Record<string, object> = {
  '/v1/generate': { prompt: 'x' },
  '/v1/chat/completions': said,
  '/v1/completions': { prompt: 'x' },
  '/v1/embeddings': { input: 'x' },
  '/v1/messages': { ...said, max_tokens: 5 },
  '/v1/responses': { input: 'x' },
};

const post = (url: string, payload: object, { headers }: MadeKey) =>
  api.inject({ method: 'POST', url, payload, headers: { ...headers, prefer: 'respond-async' } });

describe.for(generationEndpoints)('$path', (endpoint) => {
  const { path } = endpoint;
  const isOfVectors = path === '/v1/embeddings';
  const key = () => (isOfVectors ? small : claude);
  const foreign = isOfVectors ? ['text-embedding-3-large', 'vectors'] : ['gpt-4o', 'openai/gpt-4o', 'fast'];

  test.for(foreign)('refuses %s, which the key is not made for, in every way to ask for it', async (model) => {
    const body = { model, ...bodies[path] };
    const count = api.accepted.length;
    for (const [url, sent] of [
      [path, body],
      [path, { ...body, stream: true }],
      ['/v1/jobs', { endpoint: path, body }],
    ] as const) {
      const response = await post(url, sent, key());
      expect([url, response.statusCode]).toEqual([url, 403]);
      expect(response.body).toContain('may not use');
    }
    const runner = createLineRunner({ ...api.deps, endpoints: [endpoint], commands: createJobCommands(api.deps) });
    const line = { batchId: `batch_${randomUUID()}`, tenantId: 'default', userId: 'ann', number: 1, customId: 'c' };
    const submitted = runner.submit({ ...line, keyId: key().id, endpoint: path, body });
    await expect(submitted).rejects.toMatchObject({ failure: { code: 'forbidden', field: '/model' } });
    expect(api.accepted.length, 'nothing has happened').toBe(count);
  });
});

test.for(['/v1/generate', '/v1/chat/completions', '/v1/messages', '/v1/responses'])(
  "%s is answered by those of an operator's name that the key is made for, and by no other",
  async (path) => {
    const before = api.accepted.length;
    expect((await post(path, { model: 'smart', ...bodies[path] }, claude)).statusCode).toBe(202);
    const record = await api.deps.jobs.find('default', await api.job(before));
    expect(record).toMatchObject({ model: 'smart', target: 'anthropic/claude-haiku-4-5' });
    expect(record?.fallbacks ?? []).toEqual([]);
  },
);

test.for([
  ['/v1/messages/count_tokens', said],
  ['/v1/responses/input_tokens', { input: 'x' }],
] as const)('%s counts for the models of the key alone', async ([path, body]) => {
  const statusOf = async (model: string) => (await post(path, { model, ...body }, claude)).statusCode;
  expect(await statusOf('claude-haiku-4-5')).toBe(200);
  expect(await statusOf('smart')).toBe(200);
  expect(await statusOf('fast')).toBe(403);
  expect(await statusOf('gpt-4o')).toBe(403);
  expect(await statusOf('gpt-of-tomorrow')).toBe(404);
});
