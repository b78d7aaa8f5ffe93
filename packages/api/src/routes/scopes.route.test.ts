import '@llm-gateway/testkit/provided-context';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { makeSession } from '../auth/admin-session.ts';
import { collectRoutes, type RouteName } from '../test/collect-routes.ts';
import { asOperator, makeKey, makeTenant } from '../test/make-key.ts';
import { adminKey, startTestApi, type TestApi } from '../test/start-test-api.ts';

/** What a route asks of whoever comes; a route that is not here fails the tests. */
const needs: Record<RouteName, Need> = {
  'GET /': 'nothing',
  'GET /health': 'nothing',
  'GET /ready': 'nothing',
  'GET /v1/health': 'nothing',
  'GET /openapi.json': 'nothing',
  'GET /admin/login': 'nothing',
  'POST /admin/logout': 'nothing',
  // Answers 401 for a wrong key itself.
  'POST /admin/login': 'login',

  'POST /v1/generate': 'generate',
  'POST /v1/chat/completions': 'generate',
  'GET /v1/chat/completions': 'read',
  'GET /v1/chat/completions/:id': 'read',
  'GET /v1/chat/completions/:id/messages': 'read',
  'POST /v1/chat/completions/:id': 'generate',
  'DELETE /v1/chat/completions/:id': 'generate',
  'POST /v1/completions': 'generate',
  'POST /v1/embeddings': 'generate',
  'POST /v1/messages': 'generate',
  'POST /v1/messages/count_tokens': 'generate',
  'POST /v1/responses': 'generate',
  'POST /v1/responses/input_tokens': 'generate',
  'POST /v1/responses/compact': 'generate',
  'GET /v1/responses/:id': 'read',
  'DELETE /v1/responses/:id': 'generate',
  'POST /v1/responses/:id/cancel': 'generate',
  'GET /v1/responses/:id/input_items': 'read',
  'GET /v1/jobs': 'read',
  'POST /v1/jobs': 'generate',
  'GET /v1/jobs/:id': 'read',
  'DELETE /v1/jobs/:id': 'generate',
  'GET /v1/jobs/:id/events': 'read',
  'GET /v1/jobs/:id/result': 'read',
  'POST /v1/jobs/:id/cancel': 'generate',
  'POST /v1/jobs/:id/release': 'generate',
  'GET /v1/jobs/:id/webhook-deliveries': 'read',
  'POST /v1/jobs/:id/webhook-deliveries/:delivery_id/redeliver': 'generate',
  'GET /v1/webhook-endpoints': 'read',
  'POST /v1/webhook-endpoints': 'generate',
  'GET /v1/webhook-endpoints/:id': 'read',
  'PATCH /v1/webhook-endpoints/:id': 'generate',
  'DELETE /v1/webhook-endpoints/:id': 'generate',
  'GET /v1/webhook-endpoints/:id/deliveries': 'read',
  'POST /v1/webhook-endpoints/:id/rotate-secret': 'generate',
  'POST /v1/webhook-endpoints/:id/test': 'generate',
  'GET /v1/webhooks/secret': 'generate',
  'POST /v1/webhooks/secret/rotate': 'generate',
  'GET /v1/models': 'read',
  'GET /v1/models/*': 'read',
  'GET /v1/usage/:user_id': 'read',
  'GET /v1/rate-limit/:user_id': 'read',
  'GET /v1/cache/stats': 'read',
  'DELETE /v1/cache/clear': 'admin',
  'GET /v1/key': 'any key',
  'GET /v1/files': 'read',
  'POST /v1/files': 'generate',
  'GET /v1/files/:id': 'read',
  'DELETE /v1/files/:id': 'generate',
  'GET /v1/files/:id/content': 'read',
  'GET /v1/batches': 'read',
  'POST /v1/batches': 'generate',
  'GET /v1/batches/:id': 'read',
  'POST /v1/batches/:id/cancel': 'generate',
  'GET /v1/messages/batches': 'read',
  'POST /v1/messages/batches': 'generate',
  'GET /v1/messages/batches/:id': 'read',
  'DELETE /v1/messages/batches/:id': 'generate',
  'GET /v1/messages/batches/:id/results': 'read',
  'POST /v1/messages/batches/:id/cancel': 'generate',

  'GET /v1/admin/summary': 'admin',
  'GET /v1/admin/ledger': 'admin',
  'GET /v1/admin/keys': 'admin',
  'POST /v1/admin/keys': 'admin',
  'GET /v1/admin/keys/:id': 'admin',
  'PATCH /v1/admin/keys/:id': 'admin',
  'DELETE /v1/admin/keys/:id': 'admin',
  'POST /v1/admin/keys/:id/rotate': 'admin',
  'GET /v1/admin/tenants': 'admin',
  'POST /v1/admin/tenants': 'operator',
  'GET /v1/admin/tenants/:id': 'admin',
  'PATCH /v1/admin/tenants/:id': 'operator',
  'DELETE /v1/admin/tenants/:id': 'operator',
  'GET /v1/admin/tenants/:id/users/:user_id': 'admin',
  'PUT /v1/admin/tenants/:id/users/:user_id': 'operator',
  'DELETE /v1/admin/tenants/:id/users/:user_id': 'operator',

  'POST /v1/admin/budgets/write-off': 'operator',
  'GET /metrics': 'operator',
};

type Need = 'nothing' | 'login' | 'any key' | 'generate' | 'read' | 'admin' | 'operator';

/** Other people's routes: one answer for all of them. */
const rooms: [prefix: string, need: Need][] = [
  ['/docs', 'nothing'],
  ['/admin/queues', 'operator'],
];

const needOf = (route: RouteName): Need | undefined => {
  const url = route.slice(route.indexOf(' ') + 1);
  return needs[route] ?? rooms.find(([prefix]) => url.startsWith(prefix))?.[1];
};

/** Bodies that get past validation, where what is asked is decided after it. */
const bodies: Record<RouteName, object> = {
  'POST /v1/admin/tenants': {},
  'PATCH /v1/admin/tenants/:id': {},
  'PUT /v1/admin/tenants/:id/users/:user_id': {},
};

const roles = ['nobody', 'unknown', 'generate', 'read', 'admin', 'operator', 'session'] as const;

type Role = (typeof roles)[number];

/** What a role may use, and what it is told where it may not. */
const powers: Record<Role, { has: Need[]; refused: 401 | 403 }> = {
  nobody: { has: [], refused: 401 },
  unknown: { has: [], refused: 401 },
  generate: { has: ['any key', 'generate'], refused: 403 },
  read: { has: ['any key', 'read'], refused: 403 },
  admin: { has: ['any key', 'admin'], refused: 403 },
  operator: { has: ['any key', 'generate', 'read', 'admin', 'operator'], refused: 403 },
  session: { has: [], refused: 401 },
};

let api: TestApi;
let routes: RouteName[];
const headersOf = new Map<Role, object>();
const userOf = new Map<Role, string>();
beforeAll(async () => {
  const collected = await collectRoutes(() => startTestApi({ redisUrl: inject('redisUrl'), authMode: 'keys' }));
  api = collected.started;
  routes = collected.routes;
  await makeTenant(api, { id: 'acme' });
  headersOf.set('nobody', {});
  headersOf.set('unknown', { authorization: `Bearer sk-gw-${'A'.repeat(43)}` });
  headersOf.set('operator', asOperator);
  headersOf.set('session', { cookie: `gateway_admin=${makeSession(adminKey, Date.now())}` });
  for (const scope of ['generate', 'read', 'admin'] as const) {
    const { id, headers } = await makeKey(api, { tenant_id: 'acme', scopes: [scope] });
    headersOf.set(scope, headers);
    userOf.set(scope, id);
  }
});
afterAll(() => api?.close());

function ask(role: Role, route: RouteName) {
  const [method = '', pattern = ''] = route.split(' ');
  const isOfTenants = pattern.startsWith('/v1/admin/tenants');
  const url = pattern
    .replace('*', 'nothing')
    .replace(':id', isOfTenants ? 'acme' : 'nothing')
    .replace(':user_id', userOf.get(role) ?? 'ann')
    .replace(/:\w+/g, 'nothing');
  const payload = bodies[route];
  return api.inject({
    method: method as 'GET',
    url,
    headers: { ...headersOf.get(role) },
    ...(payload === undefined ? {} : { payload }),
  });
}

test('every route says what it needs, and nothing is said of a route that is not there', () => {
  expect(routes.filter((route) => needOf(route) === undefined)).toEqual([]);
  expect(Object.keys(needs).filter((route) => !routes.includes(route as RouteName))).toEqual([]);
});

describe.for(roles)('%s', (role) => {
  const { has, refused } = powers[role];

  test('gets in where it may, and nowhere else', async () => {
    const wrong: string[] = [];
    for (const route of routes) {
      const need = needOf(route);
      if (need === undefined || need === 'login') continue;
      // A browser that logged in is the operator on pages and routes of administration, and nobody elsewhere.
      const isAdmins = need === 'operator' || (need === 'admin' && route.includes('/v1/admin/'));
      const mayEnter = need === 'nothing' || has.includes(need) || (role === 'session' && isAdmins);
      const { statusCode } = await ask(role, route);
      const isIn = statusCode !== 401 && statusCode !== 403;
      if (isIn !== mayEnter || (!mayEnter && statusCode !== refused)) wrong.push(`${route}: ${statusCode}`);
    }
    expect(wrong).toEqual([]);
  });
});

test('a refusal names the scope that is missing', async () => {
  const response = await ask('read', 'POST /v1/generate');
  expect(response.json()).toMatchObject({
    status: 403,
    code: 'forbidden',
    detail: expect.stringContaining('"generate"'),
    error: { type: 'permission_error' },
  });
});

test('nobody and a key that is not known are told different things, and never what was sent', async () => {
  expect((await ask('nobody', 'GET /v1/jobs')).json().detail).toContain('required');
  const unknown = await ask('unknown', 'GET /v1/jobs');
  expect(unknown.json()).toMatchObject({ code: 'unauthenticated', detail: 'The API key is not known.' });
  expect(unknown.body).not.toContain('AAAA');
});
