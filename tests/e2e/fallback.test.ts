import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSandboxClient } from '@llm-gateway/testkit/sandbox-client';
import { adminKey, type Gateway, type Reply, startGateway } from '@llm-gateway/testkit/start-gateway';
import { type Running, startProcess } from '@llm-gateway/testkit/start-process';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';

const secret = 'gsk-a-secret-of-groq-0123456789';

// Two further sandboxes play servers of the operator's own.
let groq: Running;
let eu: Running;
let gateway: Gateway;
let folder: string;
let path: string;

/** Sandboxes under other names: whatever is called after the slash is an order of theirs. */
const routing = (more = '') => `
providers:
  groq:
    base_url: ${groq.url}/v1
    api_key: \${GROQ_API_KEY}
    models: [llama]
  pair:
    deployments:
      - { name: one, base_url: "${groq.url}/v1", weight: 3 }
      - { name: two, base_url: "${eu.url}/v1", weight: 1 }
models:
  fast: groq/llama
  smart: { targets: [groq/sandbox/status-500, groq/sandbox/no-such-model, openai/gpt-4o] }
  hopeless: { targets: [groq/sandbox/status-500, openai/sandbox/status-401] }
  streamed: { targets: [groq/sandbox/error-event, openai/gpt-4o] }
${more}`;

beforeAll(async () => {
  [groq, eu] = await Promise.all([
    startProcess('sandbox', { SANDBOX_PORT: '0' }),
    startProcess('sandbox', { SANDBOX_PORT: '0' }),
  ]);
  folder = mkdtempSync(join(tmpdir(), 'routing-'));
  path = join(folder, 'routing.yaml');
  writeFileSync(path, routing());
  const prices = join(folder, 'prices.json');
  writeFileSync(prices, '{"models": {"groq/*": {"input_per_1m_usd": 1, "output_per_1m_usd": 1}}}');
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    environment: {
      ROUTING_FILE: path,
      PRICES_FILE: prices,
      GROQ_API_KEY: secret,
      MAX_REQUESTS_PER_MINUTE: '100000',
      MAX_REQUESTS_PER_HOUR: '100000',
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([groq?.stop('SIGKILL'), eu?.stop('SIGKILL')]);
  rmSync(folder, { recursive: true, force: true });
});

const billOf = async (url: string) => (await createSandboxClient(url).bill()).entries;
// One of them is ended on the way.
const clear = (url: string) => fetch(`${url}/sandbox/bill`, { method: 'DELETE' }).catch(() => undefined);
beforeEach(() => Promise.all([groq.url, eu.url, gateway.sandboxProcess.url].map(clear)));

let count = 0;
const ask = (model: string, more: object = {}, headers: Record<string, string> = {}): Promise<Reply> => {
  count += 1;
  return gateway.generate({ prompt: `hello ${count}`, model, user_id: 'u', ...more }, headers);
};

interface LedgerRow {
  call: number;
  status: string;
  model: string;
  provider: string;
  prompt_tokens: number;
  completion_tokens: number;
  cost_usd: number | null;
}

/** The ledger's rows of a job, in the order of its calls. */
async function ledgerOf(jobId: string): Promise<LedgerRow[]> {
  const { body } = await gateway.get(`/v1/admin/ledger?generation=${jobId}`, { authorization: `Bearer ${adminKey}` });
  return (body.data as LedgerRow[]).toSorted((one, other) => one.call - other.call);
}

describe('a server that the operator has named', () => {
  test('is there by configuration alone, and its secret is nowhere to be seen', async () => {
    expect((await gateway.get('/v1/health')).body.providers).toMatchObject({ groq: 'live', openai: 'sandbox' });
    const { status, body, headers } = await ask('groq/llama');
    expect([status, body.provider, body.model]).toEqual([200, 'groq', 'groq/llama']);
    expect(headers.get('x-gateway-provider')).toBe('groq');
    expect((await billOf(groq.url)).map(({ model }) => model)).toEqual(['llama']);
    const ids = (await gateway.get('/v1/models')).body.data.map(({ id }: { id: string }) => id);
    expect(ids).toEqual(expect.arrayContaining(['groq/llama', 'fast', 'smart']));

    const logs = [...gateway.apis, ...gateway.workers].map((running) => running.output()).join('');
    expect(logs).not.toContain(secret);
  });
});

describe('a model that fails', () => {
  test('is replaced in the same attempt; bill and ledger agree on both sides', async () => {
    const { status, body, headers } = await ask('smart');
    expect(status).toBe(200);
    expect(body).toMatchObject({ model: 'smart', provider: 'openai', completion: expect.stringContaining('gpt-4o') });
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-gateway-model': 'openai/gpt-4o',
      'x-gateway-provider': 'openai',
      'x-gateway-attempts': '1',
    });
    const rows = await ledgerOf(body.job_id);
    expect(rows.map(({ call, status, model, provider }) => [call, status, model, provider])).toEqual([
      [1, 'failed', 'groq/sandbox/status-500', 'groq'],
      [2, 'failed', 'groq/sandbox/no-such-model', 'groq'],
      [3, 'completed', 'openai/gpt-4o', 'openai'],
    ]);
    expect(await billOf(groq.url)).toEqual([]);
    expect(await billOf(gateway.sandboxProcess.url)).toEqual([
      expect.objectContaining({
        model: 'gpt-4o',
        prompt_tokens: rows[2]?.prompt_tokens,
        completion_tokens: rows[2]?.completion_tokens,
      }),
    ]);
    const { prompt_tokens: prompt = 0, completion_tokens: completion = 0, cost_usd } = rows[2] ?? {};
    expect(cost_usd).toBeCloseTo((prompt * 2.5 + completion * 10) / 1e6, 12);
    expect(body.cost_usd).toBe(cost_usd);
    expect((await gateway.get(`/v1/jobs/${body.job_id}`)).body).toMatchObject({ model: 'openai/gpt-4o', attempt: 1 });
  });

  test('and is told again from the cache with the model that answered', async () => {
    const asked = { prompt: 'the same twice' };
    const before = await ask('smart', asked);
    const again = await ask('smart', asked);
    expect(again.body).toMatchObject({ cached: true, provider: 'openai', cost_usd: before.body.cost_usd });
    expect(again.headers.get('x-gateway-model')).toBe('openai/gpt-4o');
  });

  test('after some text: the stream begins anew, and both calls are paid', async () => {
    const { body } = await ask('streamed', {}, { prefer: 'respond-async' });
    const { body: ended } = await gateway.get(`/v1/jobs/${body.id}`, { prefer: 'wait=20' });
    expect(ended).toMatchObject({ status: 'completed', model: 'openai/gpt-4o', attempt: 1 });
    const rows = await ledgerOf(body.id);
    expect(rows.map(({ status, model }) => [status, model])).toEqual([
      ['failed', 'groq/sandbox/error-event'],
      ['completed', 'openai/gpt-4o'],
    ]);
    const [charged] = await billOf(groq.url);
    expect(charged?.prompt_tokens).toBe(rows[0]?.prompt_tokens);
  });

  test('with all of its fallbacks is tried again, and then told', async () => {
    const { status, body } = await ask('hopeless', {}, { prefer: 'wait=20' });
    expect([status, body.code]).toEqual([502, 'provider_busy']);
    const rows = await ledgerOf(body.job_id);
    expect(rows.map(({ call }) => call)).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

test('several deployments are called by weight; when one is down, the other does all', async () => {
  await Promise.all(Array.from({ length: 120 }, () => ask('pair/m')));
  const [one, two] = await Promise.all([billOf(groq.url), billOf(eu.url)]);
  expect(one.length + two.length).toBe(120);
  // A quarter of 120, four standard deviations either way.
  expect(Math.abs(two.length - 30)).toBeLessThan(19);

  await eu.stop('SIGKILL');
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask('pair/m')));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(gateway.workers[0]?.logs().filter(({ event }) => event === 'deployment_resting')).toContainEqual(
    expect.objectContaining({ provider: 'pair', deployment: 'two', code: 'provider_unreachable' }),
  );
});

describe('a change of the file', () => {
  const events = (name: string) =>
    [...gateway.apis, ...gateway.workers].map((running) => running.logs().filter(({ event }) => event === name).length);
  const all = (counts: number[], least: number) => counts.every((number) => number >= least) || undefined;
  const health = async () => (await gateway.get('/v1/health')).body;

  test('changes the route under load; a bad one is refused by every process, and the one before stays', async () => {
    const stop = new AbortController();
    const statuses: number[] = [];
    const load = (async () => {
      while (!stop.signal.aborted) statuses.push((await ask('fast')).status);
    })();

    writeFileSync(path, routing('').replace('fast: groq/llama', 'fast: openai/gpt-4o-mini'));
    await waitFor(async () => (await ask('fast')).body.provider === 'openai' || undefined, { what: 'the other route' });

    writeFileSync(path, 'models: { fast: gpt-99 }');
    await waitFor(() => all(events('routing_refused'), 1), { what: 'all processes refuse it' });
    expect((await ask('fast')).body.provider).toBe('openai');
    expect((await health()).warnings).toContain('The routing file is refused: the version before it is in use');

    stop.abort();
    await load;
    expect(statuses.length).toBeGreaterThan(5);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  test('brings servers and takes them away, while calls of theirs end as they began', async () => {
    writeFileSync(path, routing().replaceAll('groq', 'grok').replace('GROK_API_KEY', 'GROQ_API_KEY'));
    await waitFor(async () => (await health()).providers.grok === 'live' || undefined, { what: 'the new one' });
    const slow = ask('grok/sandbox/slow-4000');
    await createSandboxClient(groq.url).calls();
    await waitFor(
      async () => (await createSandboxClient(groq.url).calls()).some(({ state }) => state === 'open') || undefined,
      {
        what: 'its call is under way',
      },
    );
    writeFileSync(path, routing());
    await waitFor(async () => (await health()).providers.grok === undefined || undefined, { what: 'it is gone' });
    expect((await ask('grok/llama')).body.detail).toContain('no worker serves grok');
    expect((await slow).status).toBe(200);
    expect((await ask('groq/llama')).status).toBe(200);
  });

  test('to a secret that the environment lacks is refused by the workers alone, and no process prints it', async () => {
    const count = gateway.workers[0]?.logs().filter(({ event }) => event === 'routing_refused').length ?? 0;
    writeFileSync(path, routing().replace('GROQ_API_KEY', 'NOT_THERE'));
    const told = () => gateway.workers[0]?.logs().filter(({ event }) => event === 'routing_refused') ?? [];
    await waitFor(() => told().length > count || undefined, { what: 'the worker refuses it' });
    expect(told().at(-1)?.faults).toEqual([
      'providers.groq: api_key of default needs NOT_THERE, which the environment lacks',
    ]);
    expect((await ask('groq/llama')).status).toBe(200);
  });
});

test('a process does not start with a bad file', async () => {
  const bad = join(folder, 'bad.yaml');
  writeFileSync(bad, 'models: { a: a }');
  const starting = startProcess('worker', { ...gateway.environment, ROUTING_FILE: bad });
  await expect(starting).rejects.toThrow('models.a: leads to itself, by way of a → a');
});
