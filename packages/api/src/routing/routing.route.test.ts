import '@llm-gateway/testkit/provided-context';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { announceLanes, withdrawLanes } from '@llm-gateway/shared/lanes/announcements';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { asOperator, makeKey } from '../test/make-key.ts';
import { startTestApi, type TestApi } from '../test/start-test-api.ts';

const file = `
providers:
  groq:
    base_url: https://api.groq.com/openai/v1
    api_key: \${NOBODY_HAS_THIS}
    models: [llama-3.3-70b-versatile, meta-llama/llama-4]
  away:
    base_url: http://away/v1
    models: [m]
models:
  fast: groq/llama-3.3-70b-versatile
  smart: { targets: [claude-sonnet-4-5, openai/gpt-4o, groq/llama-3.3-70b-versatile] }
  gpt-4o-mini: { targets: [openai/gpt-4o-mini, fast] }
  nowhere: { targets: [away/m] }
  spread: { targets: [[{ model: gpt-4o, weight: 1 }, { model: fast, weight: 1 }]] }
`;

let folder: string;
let path: string;
let api: TestApi;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'routing-'));
  path = join(folder, 'routing.yaml');
  writeFileSync(path, file);
  api = await startTestApi({
    redisUrl: inject('redisUrl'),
    lanes: ['openai', 'anthropic', 'sandbox', 'groq'],
    environment: { ROUTING_FILE: path, PRICES_FILE: pricesFile(folder), MAX_REQUESTS_PER_MINUTE: '10000' },
  });
});
afterAll(async () => {
  await api?.close();
  rmSync(folder, { recursive: true, force: true });
});

function pricesFile(folder: string): string {
  const prices = join(folder, 'prices.json');
  const groq = { input_per_1m_usd: 100, output_per_1m_usd: 200, max_output_tokens: 1000 };
  writeFileSync(prices, JSON.stringify({ models: { 'groq/*': groq } }));
  return prices;
}

const record = async (id: string) => {
  const [lane, model, target, fallbacks] = await api.redis.hmget(
    api.deps.keys.job(id),
    'lane',
    'model',
    'target',
    'fallbacks',
  );
  return { lane, model, target, fallbacks: fallbacks ? JSON.parse(fallbacks) : [] };
};

let count = 0;
/** The record of a job that is accepted. */
async function accept(body: object, headers: Record<string, string> = {}) {
  count += 1;
  const response = await api.generate(
    { prompt: `hello ${count}`, user_id: 'u', ...body },
    { prefer: 'respond-async', ...headers },
  );
  expect(response.json()).toMatchObject({ id: expect.stringMatching(/^job_/) });
  return record(response.json().id);
}

const refuse = async (body: object, headers: Record<string, string> = {}) => {
  const response = await api.generate({ prompt: 'hello', user_id: 'u', ...body }, headers);
  return [response.statusCode, response.json().detail] as const;
};

describe('a name', () => {
  test('of a server that is not built in leads to its lane', async () => {
    expect(await accept({ model: 'groq/meta-llama/llama-4' })).toMatchObject({
      lane: 'groq',
      target: 'groq/meta-llama/llama-4',
      fallbacks: [],
    });
    expect(await api.deps.laneQueues.open('groq').queue.getJobCountByTypes('prioritized')).toBeGreaterThan(0);
  });

  test('of the operator’s leads to what it stands for; the client’s word is kept', async () => {
    expect(await accept({ model: 'fast' })).toEqual({
      lane: 'groq',
      model: 'fast',
      target: 'groq/llama-3.3-70b-versatile',
      fallbacks: [],
    });
    expect(await accept({ model: 'gpt-4o-mini' })).toMatchObject({
      target: 'openai/gpt-4o-mini',
      fallbacks: ['groq/llama-3.3-70b-versatile'],
    });
  });

  test('targets that cannot take the request are left out', async () => {
    const all = ['anthropic/claude-sonnet-4-5', 'openai/gpt-4o', 'groq/llama-3.3-70b-versatile'];
    const { target, fallbacks } = await accept({ model: 'smart' });
    expect([target, ...fallbacks]).toEqual(all);
    // Claude takes no seed, and no gpt-4o answers with so many tokens.
    expect(await accept({ model: 'smart', seed: 5 })).toMatchObject({ target: all[1], fallbacks: [all[2]] });
    expect(await accept({ model: 'smart', max_tokens: 20_000 })).toMatchObject({ target: all[0], fallbacks: [all[2]] });
  });

  test('targets that the key may not use are left out', async () => {
    const { headers } = await makeKey(api, { models: ['gpt-4o'] });
    expect(await accept({ model: 'smart' }, headers)).toMatchObject({ target: 'openai/gpt-4o', fallbacks: [] });
    const [status, detail] = await refuse({ model: 'fast' }, headers);
    expect([status, detail]).toEqual([403, expect.stringContaining('may not use groq/llama-3.3-70b-versatile')]);
  });

  test.for([
    ['elsewhere/x', '"elsewhere/x" is not known; GET /v1/models lists the models'],
    ['nowhere', '"away/m" is not known'],
    ['away/m', '"away/m" is not known'],
  ] as const)('that nobody serves is refused: %s', async ([model, detail]) => {
    expect(await refuse({ model })).toEqual([422, expect.stringContaining(detail)]);
  });

  test('of a server that workers have left is told apart from one that never was', async () => {
    await announceLanes(api.redis, api.deps.keys, 'w', new Map([['gone', { mode: 'live' as const, apis: [] }]]));
    await withdrawLanes(api.redis, api.deps.keys, ['gone']);
    await waitFor(async () => (await refuse({ model: 'gone/x' }))[1].includes('no worker serves gone'), {
      what: 'it is known to have been there',
    });
  });
});

describe('weights', () => {
  const drawn = async (bodies: object[], headers = {}) => {
    const targets: (string | null | undefined)[] = [];
    for (const body of bodies) targets.push((await accept({ model: 'spread', ...body }, headers)).target);
    return new Map([...new Set(targets)].map((target) => [target, targets.filter((one) => one === target).length]));
  };

  test('share requests that differ', async () => {
    const shares = await drawn(Array.from({ length: 60 }, () => ({})));
    expect(shares.size).toBe(2);
    for (const number of shares.values()) expect(number).toBeGreaterThan(12);
  });

  test('keep requests together that the cache answers alike, and no others', async () => {
    const same = Array.from({ length: 30 }, (_, index) => ({ prompt: 'the same', user_id: `u${index}` }));
    expect((await drawn(same)).size).toBe(1);
    expect((await drawn(same, { 'x-gateway-cache': 'off' })).size).toBe(2);
  });
});

describe('a budget', () => {
  const hold = async (model: string, headers: Record<string, string>) => {
    const response = await api.generate(
      { prompt: 'hold this', model, max_tokens: 1000, user_id: 'u' },
      { prefer: 'respond-async', ...headers },
    );
    const text = await api.redis.hget(api.deps.keys.job(response.json().id), 'hold');
    return BigInt(JSON.parse(text ?? '{}').nano);
  };

  test('holds what the dearest of the targets may cost', async () => {
    const { headers } = await makeKey(api, { budgets: [{ period: 'day', limit_usd: 100 }] });
    const dearest = await hold('fast', headers);
    // A thousand tokens at 200 USD per million.
    expect(dearest).toBeGreaterThan(200_000_000n);
    expect(await hold('gpt-4o-mini', headers)).toBe(dearest);
    expect(await hold('openai/gpt-4o-mini', headers)).toBeLessThan(dearest);
  });
});

test('an answer of a fallback is not taken for one of the model in whose place it was given', async () => {
  const ask = (model: string) =>
    api
      .generate({ prompt: 'who are you', model, user_id: 'u' }, { prefer: 'respond-async' })
      .then((it) => it.json().id);
  const digests = await Promise.all(
    ['gpt-4o-mini', 'openai/gpt-4o-mini'].map(async (model) =>
      api.redis.hget(api.deps.keys.job(await ask(model)), 'cacheDigest'),
    ),
  );
  expect(new Set(digests).size).toBe(2);
});

describe('GET /v1/models', () => {
  const list = async () => (await api.get('/v1/models')).json();

  test('lists the models of servers that are served, and the operator’s names with their targets', async () => {
    const { data, models } = await list();
    const find = (id: string) => data.find((model: { id: string }) => model.id === id);
    expect(find('groq/meta-llama/llama-4')).toMatchObject({
      object: 'model',
      type: 'model',
      created: 0,
      owned_by: 'groq',
      display_name: 'meta-llama/llama-4',
      pricing: { input_per_1m_usd: 100, output_per_1m_usd: 200 },
    });
    expect(find('fast')).toMatchObject({
      owned_by: 'gateway',
      display_name: 'fast',
      targets: ['groq/llama-3.3-70b-versatile'],
      pricing: { input_per_1m_usd: 100 },
    });
    expect(find('smart')).toMatchObject({
      targets: ['anthropic/claude-sonnet-4-5', 'openai/gpt-4o', 'groq/llama-3.3-70b-versatile'],
      pricing: null,
    });
    expect(find('away/m')).toBeUndefined();
    expect(find('nowhere')).toBeUndefined();
    expect(models.map(({ id }: { id: string }) => id)).toContain('smart');
  });

  test.for([
    ['smart', 'smart'],
    ['groq%2Fmeta-llama%2Fllama-4', 'groq/meta-llama/llama-4'],
    ['groq/llama-3.3-70b-versatile', 'groq/llama-3.3-70b-versatile'],
    // The operator's own before the table's.
    ['gpt-4o-mini', 'gpt-4o-mini'],
    ['openai/gpt-4o-mini', 'openai/gpt-4o-mini'],
  ] as const)('each can be retrieved: %s', async ([name, id]) => {
    const response = await api.get(`/v1/models/${name}`);
    expect([response.statusCode, response.json().id]).toEqual([200, id]);
  });
});

test('Bull Board and metrics show the lanes that are known', async () => {
  const { queues } = (await api.get('/admin/queues/api/queues', asOperator)).json();
  expect(queues.map(({ name }: { name: string }) => name)).toContain('generation-groq');
  expect((await api.get('/metrics', asOperator)).body).toMatch(/gateway_lane_jobs\{lane="groq",state="waiting"\} \d/);
});

describe('a change of the file', () => {
  beforeEach(() => writeFileSync(path, file));

  test('is taken up', async () => {
    const before = api.deps.routing.state();
    writeFileSync(path, 'models: { fast: openai/gpt-4o }');
    await waitFor(() => api.deps.routing.state()?.version !== before?.version || undefined, { what: 'it is taken up' });
    expect(await accept({ model: 'fast' })).toMatchObject({ target: 'openai/gpt-4o' });
    expect(await refuse({ model: 'smart' })).toEqual([422, expect.stringContaining('"smart" is not known')]);
  });

  test('is refused when it breaks a rule: the version before stays, and health says so', async () => {
    await waitFor(() => api.deps.routing.current().aliases.has('smart') || undefined, { what: 'the file as it was' });
    const { version } = api.deps.routing.current();
    writeFileSync(path, 'models: { fast: gpt-99 }');
    await waitFor(() => api.deps.routing.state()?.refused, { what: 'it is refused' });
    expect(await accept({ model: 'fast' })).toMatchObject({ target: 'groq/llama-3.3-70b-versatile' });
    expect((await api.get('/v1/health')).json().warnings).toContain(
      'The routing file is refused: the version before it is in use',
    );
    expect(api.deps.routing.state()).toMatchObject({
      version,
      refused: { faults: ['models.fast.targets[0]: is no model and no name of this file: write provider/name'] },
    });
  });
});
