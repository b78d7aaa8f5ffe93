import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { collectRoutes, type RouteName } from '../test/collect-routes.ts';
import { asOperator, type MadeKey, makeKey, makeTenant } from '../test/make-key.ts';
import { answered } from '../test/settle-by-hand.ts';
import { type LedgerApi, startLedgerApi } from '../test/start-ledger-api.ts';

const tenant = `acme-${randomUUID().slice(0, 8)}`;

/** What of another tenant a stranger has got to know, and tries. */
interface Things {
  job: string;
  held: string;
  response: string;
  delivery: string;
  endpoint: string;
  key: string;
  tenant: string;
  user: string;
  file: string;
  batch: string;
  messageBatch: string;
  ownJob: string;
  /** The job of a chat completion. */
  chat: string;
}

/** A path with foreign ids in it; or several. Each has to be as good as one that is not there. */
type Attempt = (things: Things) => string[];

const ofJob =
  (rest = ''): Attempt =>
  ({ job, held }) => {
    const suffix = job.slice('job_'.length);
    return [job, held, `chatcmpl-${suffix}`, `resp_${suffix}`, `msg_${suffix}`].map((id) => `/v1/jobs/${id}${rest}`);
  };
const ofResponse =
  (rest = ''): Attempt =>
  ({ response, held, job }) =>
    [response, held, job].map((id) => `/v1/responses/${id.replace('job_', 'resp_')}${rest}`);
const ofEndpoint =
  (rest = ''): Attempt =>
  ({ endpoint }) => [`/v1/webhook-endpoints/${endpoint}${rest}`];
const ofKey =
  (rest = ''): Attempt =>
  ({ key }) => [`/v1/admin/keys/${key}${rest}`];
const ofTenant: Attempt = ({ tenant }) => [`/v1/admin/tenants/${tenant}`, '/v1/admin/tenants/default'];
const ofUser: Attempt = ({ tenant, user }) => [
  `/v1/admin/tenants/${tenant}/users/${user}`,
  '/v1/admin/tenants/default/users/admin',
];

const ofChat =
  (rest = ''): Attempt =>
  ({ chat }) =>
    [`chatcmpl-${chat.slice('job_'.length)}`, chat].map((id) => `/v1/chat/completions/${id}${rest}`);
const ofFile =
  (rest = ''): Attempt =>
  ({ file }) => [`/v1/files/${file}${rest}`];
const ofBatch =
  (rest = ''): Attempt =>
  ({ batch, messageBatch }) => [`/v1/batches/${batch}${rest}`, `/v1/batches/${messageBatch}${rest}`];
const ofMessageBatch =
  (rest = ''): Attempt =>
  ({ batch, messageBatch }) => [`/v1/messages/batches/${messageBatch}${rest}`, `/v1/messages/batches/${batch}${rest}`];

/** Every route that takes an id. One that is not here fails the test. */
const attempts: Record<RouteName, Attempt> = {
  'GET /v1/jobs/:id': ofJob(),
  'DELETE /v1/jobs/:id': ofJob(),
  'GET /v1/jobs/:id/events': ofJob('/events'),
  'GET /v1/jobs/:id/result': ofJob('/result'),
  'POST /v1/jobs/:id/cancel': ofJob('/cancel'),
  'POST /v1/jobs/:id/release': ofJob('/release'),
  'GET /v1/jobs/:id/webhook-deliveries': ofJob('/webhook-deliveries'),
  'POST /v1/jobs/:id/webhook-deliveries/:delivery_id/redeliver': ({ job, ownJob, delivery }) =>
    [job, ownJob].map((id) => `/v1/jobs/${id}/webhook-deliveries/${delivery}/redeliver`),
  'GET /v1/chat/completions/:id': ofChat(),
  'POST /v1/chat/completions/:id': ofChat(),
  'DELETE /v1/chat/completions/:id': ofChat(),
  'GET /v1/chat/completions/:id/messages': ofChat('/messages'),
  'GET /v1/responses/:id': ofResponse(),
  'DELETE /v1/responses/:id': ofResponse(),
  'POST /v1/responses/:id/cancel': ofResponse('/cancel'),
  'GET /v1/responses/:id/input_items': ofResponse('/input_items'),
  'GET /v1/webhook-endpoints/:id': ofEndpoint(),
  'PATCH /v1/webhook-endpoints/:id': ofEndpoint(),
  'DELETE /v1/webhook-endpoints/:id': ofEndpoint(),
  'GET /v1/webhook-endpoints/:id/deliveries': ofEndpoint('/deliveries'),
  'POST /v1/webhook-endpoints/:id/rotate-secret': ofEndpoint('/rotate-secret'),
  'POST /v1/webhook-endpoints/:id/test': ofEndpoint('/test'),
  'GET /v1/admin/keys/:id': ofKey(),
  'PATCH /v1/admin/keys/:id': ofKey(),
  'DELETE /v1/admin/keys/:id': ofKey(),
  'POST /v1/admin/keys/:id/rotate': ofKey('/rotate'),
  'GET /v1/admin/tenants/:id': ofTenant,
  'PATCH /v1/admin/tenants/:id': ofTenant,
  'DELETE /v1/admin/tenants/:id': ofTenant,
  'GET /v1/admin/tenants/:id/users/:user_id': ofUser,
  'PUT /v1/admin/tenants/:id/users/:user_id': ofUser,
  'DELETE /v1/admin/tenants/:id/users/:user_id': ofUser,
  'GET /v1/files/:id': ofFile(),
  'GET /v1/files/:id/content': ofFile('/content'),
  'DELETE /v1/files/:id': ofFile(),
  'GET /v1/batches/:id': ofBatch(),
  'POST /v1/batches/:id/cancel': ofBatch('/cancel'),
  'GET /v1/messages/batches/:id': ofMessageBatch(),
  'GET /v1/messages/batches/:id/results': ofMessageBatch('/results'),
  'POST /v1/messages/batches/:id/cancel': ofMessageBatch('/cancel'),
  'DELETE /v1/messages/batches/:id': ofMessageBatch(),
};

/** Routes by the name of a user, which may be another one's of the same name in every tenant: see below. */
const ofNames: RouteName[] = ['GET /v1/usage/:user_id', 'GET /v1/rate-limit/:user_id'];

/** What belongs to no tenant, or to the operator alone. */
const isNobodys = (route: RouteName) => / (\/docs|\/admin\/|\/v1\/models\/\*)/.test(route);

const takesId = (route: RouteName) => /[:*]/.test(route);

const withBody: Record<string, object> = { PATCH: {}, PUT: {}, 'POST /v1/chat/completions/:id': { metadata: {} } };

let api: LedgerApi;
let routes: RouteName[];
let owner: MadeKey;
let stranger: MadeKey;
let things: Things;
/** Texts that stand in what is acme's and nowhere else. */
let marks: string[];

const asOwner = (method: 'GET' | 'POST', url: string, payload?: object) =>
  api.inject({ method, url, headers: owner.headers, ...(payload === undefined ? {} : { payload }) });

/** A file, a batch and a message batch that has ended. */
async function makeBatches(): Promise<Pick<Things, 'file' | 'batch' | 'messageBatch'>> {
  const writer = await api.deps.files.begin({ tenant, owner: owner.id, name: 'acme.jsonl' });
  const { id: file } = await writer.finish('batch', 3600);
  const batch = await asOwner('POST', '/v1/batches', {
    input_file_id: file,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  });
  const messageBatch = await asOwner('POST', '/v1/messages/batches', { requests: [{ custom_id: 'a', params: {} }] });
  expect([batch, messageBatch].map(({ statusCode }) => statusCode)).toEqual([200, 200]);
  const { id } = messageBatch.json();
  await sql`update batch set status = 'completed', is_done = true where id = ${id}`.execute(api.deps.database);
  return { file, batch: batch.json().id, messageBatch: id };
}

async function makeThings(): Promise<Things> {
  const user = `ann-${randomUUID()}`;
  const [url, ask] = ['https://example.com/secret-address', { model: 'gpt-4o', user_id: user }];
  const endpoint = (await asOwner('POST', '/v1/webhook-endpoints', { url })).json();
  const done = await api.generate({ ...ask, prompt: `acme asks ${randomUUID()}` }, owner.headers);
  const job = done.headers['x-job-id'] as string;
  api.answers = undefined;
  const held = await asOwner('POST', '/v1/jobs', {
    endpoint: '/v1/generate',
    hold: true,
    body: { ...ask, prompt: `acme asks ${randomUUID()}` },
  });
  api.answers = () => answered('the answer');
  const asked = { model: 'gpt-4o', input: `acme asks ${randomUUID()}`, background: true };
  const response = (await asOwner('POST', '/v1/responses', asked)).json().id;
  const secret = (await asOwner('GET', '/v1/webhooks/secret')).json().secret;
  const { deliveries } = api.deps.webhooks;
  const body = JSON.stringify({ acme: 'asks' });
  const delivery = await deliveries.create({ tenant, job, event: 'evt_1', type: 'job.completed', url, body });
  const messages = [{ role: 'user', content: `acme asks ${randomUUID()}` }];
  const chatBody = { model: 'gpt-4o', messages, store: true, user: 'carol' };
  const chat = await asOwner('POST', '/v1/chat/completions', chatBody);
  const own = await api.generate({ ...ask, prompt: 'bolt asks', user_id: 'bob' }, stranger.headers);
  expect([done, held, own, chat].map(({ statusCode }) => statusCode)).toEqual([200, 202, 200, 200]);
  const { file, batch, messageBatch } = await makeBatches();
  marks = [
    chat.json().id,
    file,
    batch,
    messageBatch,
    job,
    held.json().id,
    response,
    delivery,
    endpoint.id,
    owner.id,
    user,
    secret,
    endpoint.secret,
    tenant,
    'secret-address',
  ];
  return {
    job,
    held: held.json().id,
    response,
    delivery,
    endpoint: endpoint.id,
    key: owner.id,
    tenant,
    user,
    file,
    batch,
    messageBatch,
    ownJob: own.headers['x-job-id'] as string,
    chat: chat.headers['x-job-id'] as string,
  };
}

beforeAll(async () => {
  const servers = { redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl') };
  const collected = await collectRoutes(() => startLedgerApi({ ...servers, authMode: 'keys' }));
  api = collected.started;
  routes = collected.routes;
  api.answers = () => answered('the answer');
  for (const id of [tenant, 'bolt']) await makeTenant(api, { id });
  const scopes = ['generate', 'read', 'admin'];
  owner = await makeKey(api, { tenant_id: tenant, name: 'key of acme', scopes });
  stranger = await makeKey(api, { tenant_id: 'bolt', scopes });
  things = await makeThings();
});
afterAll(() => api?.close());

test('there is an attempt for every route that takes an id, and for none that is not there', () => {
  const known = [...Object.keys(attempts), ...ofNames];
  expect(routes.filter((route) => takesId(route) && !isNobodys(route) && !known.includes(route))).toEqual([]);
  expect(known.filter((route) => !routes.includes(route as RouteName))).toEqual([]);
});

/** In the terms of the route: ours, OpenAI's or Anthropic's. */
const saysNotFound = ({ code, error }: { code?: string; error: { type: string; code?: string | null } }) =>
  code === 'not_found' || error.type === 'not_found_error' || error.code === null;

/** What acme sees of its own things. */
async function ownersView() {
  const { job, held, response, endpoint, key } = things;
  const read = async (url: string) => (await api.get(url, owner.headers)).json();
  return Promise.all([
    read(`/v1/jobs/${job}`),
    read(`/v1/jobs/${held}`),
    read(`/v1/responses/${response}`),
    read(`/v1/jobs/${job}/webhook-deliveries`),
    read(`/v1/webhook-endpoints/${endpoint}`),
    read(`/v1/webhook-endpoints/${endpoint}/deliveries`),
    read(`/v1/admin/keys/${key}`),
    read(`/v1/admin/tenants/${tenant}`),
    read('/v1/webhooks/secret'),
    read(`/v1/admin/tenants/${tenant}/users/${things.user}`),
    read(`/v1/chat/completions/${things.chat}`),
    read(`/v1/files/${things.file}`),
    read(`/v1/batches/${things.batch}`),
    read(`/v1/messages/batches/${things.messageBatch}`),
  ]);
}

test("another tenant's ids are as good as none, and nothing happens to what they name", async () => {
  const before = await ownersView();
  const wrong: string[] = [];
  for (const [route, attempt] of Object.entries(attempts)) {
    const [method = ''] = route.split(' ');
    for (const url of attempt(things)) {
      const payload = withBody[route] ?? withBody[method];
      const response = await api.inject({
        method: method as 'GET',
        url,
        headers: stranger.headers,
        ...(payload === undefined ? {} : { payload }),
      });
      if (response.statusCode !== 404 || !saysNotFound(response.json())) {
        wrong.push(`${method} ${url}: ${response.statusCode} ${response.body}`);
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(await ownersView()).toEqual(before);
});

test('the attempts are none in vain: with the key of the tenant the same paths are there', async () => {
  const wrong: string[] = [];
  for (const [route, attempt] of Object.entries(attempts)) {
    if (!route.startsWith('GET ')) continue;
    const [url = ''] = attempt(things);
    const { statusCode } = await api.get(url, owner.headers);
    if (statusCode !== 200) wrong.push(`${url}: ${statusCode}`);
  }
  expect(wrong).toEqual([]);
});

describe('what is listed and counted', () => {
  test('shows nothing of another tenant, whatever is asked', async () => {
    const wrong: string[] = [];
    const asked = [
      '',
      `?tenant_id=${tenant}`,
      `?user_id=${things.user}`,
      `?after=${things.job}`,
      `?key_id=${things.key}`,
    ];
    for (const route of routes) {
      const [method, url] = route.split(' ');
      if (method !== 'GET' || takesId(route) || isNobodys(route)) continue;
      for (const query of asked) {
        const response = await api.get(`${url}${query}`, stranger.headers);
        // A refusal may say what was asked for.
        if (response.statusCode >= 400) continue;
        const shown = marks.filter((mark) => response.body.includes(mark));
        if (shown.length > 0) wrong.push(`${url}${query} shows ${shown}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('is not empty because nothing is listed at all', async () => {
    const listed = async (url: string, headers: object) => (await api.get(url, { ...headers })).json().data.length;
    expect(await listed('/v1/jobs', owner.headers)).toBe(4);
    expect(await listed('/v1/chat/completions', owner.headers)).toBe(1);
    expect(await listed('/v1/jobs', stranger.headers)).toBe(1);
    expect(await listed('/v1/admin/keys', stranger.headers)).toBe(1);
    expect(await listed('/v1/admin/tenants', asOperator)).toBe(3);
  });

  test('names another tenant in vain', async () => {
    for (const url of ['/v1/admin/keys', '/v1/admin/ledger']) {
      const response = await api.get(`${url}?tenant_id=${tenant}`, stranger.headers);
      expect([url, response.statusCode]).toEqual([url, 404]);
    }
    const payload = { tenant_id: tenant, scopes: ['read'] };
    const headers = stranger.headers;
    expect((await api.inject({ method: 'POST', url: '/v1/admin/keys', headers, payload })).statusCode).toBe(404);
  });

  test("a user of the same name is each tenant's own", async () => {
    const usage = async (headers: object) => (await api.get(`/v1/usage/${things.user}`, { ...headers })).json();
    expect(await usage(owner.headers)).toMatchObject({ total_requests: 1 });
    expect(await usage(stranger.headers)).toMatchObject({ total_requests: 0, total_tokens: 0, total_cost_usd: 0 });

    const limit = async (headers: object) => (await api.get(`/v1/rate-limit/${things.user}`, { ...headers })).json();
    expect(await limit(owner.headers)).toMatchObject({ minute_requests: 2 });
    expect(await limit(stranger.headers)).toMatchObject({ minute_requests: 0, hour_requests: 0 });
  });

  test("the cache is counted and cleared for one's own tenant", async () => {
    const entries = async (headers: object) => (await api.get('/v1/cache/stats', { ...headers })).json().entries;
    expect([await entries(owner.headers), await entries(stranger.headers)]).toEqual([1, 1]);
    const cleared = await api.inject({ method: 'DELETE', url: '/v1/cache/clear', headers: stranger.headers });
    expect(cleared.json().cleared).toBe(1);
    expect([await entries(owner.headers), await entries(stranger.headers)]).toEqual([1, 0]);
  });
});
