import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { makeSession, sessionMs } from '../../auth/admin-session.ts';
import { answered } from '../../test/settle-by-hand.ts';
import { type LedgerApi, startLedgerApi } from '../../test/start-ledger-api.ts';
import { adminKey, startTestApi } from '../../test/start-test-api.ts';

const admin = { authorization: `Bearer ${adminKey}` };
const pages = ['/v1/admin/summary', '/metrics', '/admin/queues', '/admin/queues/api/queues'];

describe.for(['open', 'keys'] as const)('in %s mode', (authMode) => {
  let api: LedgerApi;
  beforeAll(async () => {
    api = await startLedgerApi({ redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl'), authMode });
    api.answers = () => answered('x');
  });
  afterAll(() => api?.close());

  const login = (form: Record<string, string>) =>
    api.inject({
      method: 'POST',
      url: '/admin/login',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams(form).toString(),
    });

  describe('the rooms of the operator', () => {
    test.for(pages)('%s: 401 without a key', async (page) => {
      const response = await api.get(page);
      expect(response.statusCode).toBe(401);
      expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
      expect(response.json().code).toBe('unauthenticated');
    });

    // Where requests need no key, any key is somebody's; where they do, an unknown one is nobody's.
    const [status, code] = authMode === 'open' ? [403, 'forbidden'] : [401, 'unauthenticated'];
    test.for(pages)(`%s: ${status} with another key`, async (page) => {
      const response = await api.get(page, { authorization: 'Bearer some-other-key' });
      expect(response.statusCode).toBe(status);
      expect(response.json().code).toBe(code);
    });

    test.for(pages)('%s: 200 with the admin key', async (page) => {
      expect((await api.get(page, admin)).statusCode).toBe(200);
      expect((await api.get(page, { 'x-api-key': adminKey })).statusCode).toBe(200);
    });

    test.for(pages)('%s: 200 for a browser that logged in', async (page) => {
      const response = await api.inject({
        method: 'GET',
        url: page,
        cookies: { gateway_admin: makeSession(adminKey, Date.now()) },
      });
      expect(response.statusCode).toBe(200);
    });

    test.for([
      ['expired', makeSession(adminKey, Date.now() - sessionMs - 1)],
      ['signed with another key', makeSession('another-admin-key-0123', Date.now())],
      ['made up', `${Date.now() + 1e9}.AAAA`],
      ['empty', ''],
    ] as const)('401 for a session that is %s', async ([, session]) => {
      const response = await api.inject({
        method: 'GET',
        url: '/v1/admin/summary',
        cookies: { gateway_admin: session },
      });
      expect(response.statusCode).toBe(401);
    });

    test('a browser is sent to the login page and back', async () => {
      const response = await api.get('/admin/queues?tab=1', { accept: 'text/html,application/xhtml+xml' });
      expect(response.statusCode).toBe(302);
      expect(response.headers.location).toBe('/admin/login?next=%2Fadmin%2Fqueues%3Ftab%3D1');
    });
  });

  describe('/admin/login', () => {
    test('the page', async () => {
      const response = await api.get('/admin/login');
      expect(response.statusCode).toBe(200);
      expect(response.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(response.body).toContain('name="key"');
    });

    test.for([['wrong-key-0123456789'], [''], [`${adminKey}x`]])(
      'the wrong key "%s" gets the page again with 401, and no cookie',
      async ([key = '']) => {
        const response = await login({ key });
        expect(response.statusCode).toBe(401);
        expect(response.headers['content-type']).toBe('text/html; charset=utf-8');
        expect(response.headers['set-cookie']).toBeUndefined();
        expect(response.body).toContain('This is not the admin key.');
      },
    );

    test('the right key gets a cookie that opens Bull Board', async () => {
      const response = await login({ key: ` ${adminKey} ` });
      expect(response.statusCode).toBe(303);
      expect(response.headers.location).toBe('/admin/queues');
      const [cookie] = response.cookies;
      expect(cookie).toMatchObject({
        name: 'gateway_admin',
        httpOnly: true,
        sameSite: 'Strict',
        path: '/',
        maxAge: 43_200,
      });
      expect(cookie?.value).not.toContain(adminKey);
      const board = await api.inject({
        method: 'GET',
        url: '/admin/queues',
        cookies: { gateway_admin: cookie?.value ?? '' },
      });
      expect(board.statusCode).toBe(200);
      expect(board.body).toContain('LLM Gateway');
    });

    test.for([
      ['//evil.example'],
      ['/\\evil.example'],
      ['https://evil.example/'],
      ['javascript:alert(1)'],
      ['evil.example'],
      ['/\t/evil.example'],
      ['/ok\r\nset-cookie: a=b'],
      [''],
    ])('never leads to another server: %o', async ([next = '']) => {
      expect((await login({ key: adminKey, next })).headers.location).toBe('/admin/queues');
    });

    test('leads to where the browser was going', async () => {
      expect((await login({ key: adminKey, next: '/admin/queues/queue/x?page=2' })).headers.location).toBe(
        '/admin/queues/queue/x?page=2',
      );
    });

    test('what it is told to lead to is not HTML of the page', async () => {
      const next = `/"><script>alert(1)</script>&'`;
      const got = await api.get(`/admin/login?next=${encodeURIComponent(next)}`);
      const posted = await login({ key: 'wrong', next });
      for (const response of [got, posted]) {
        expect(response.body).not.toContain('<script');
        expect(response.body).toContain('value="/&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#38;&#39;"');
      }
    });

    test('logging out takes the cookie away', async () => {
      const response = await api.inject({ method: 'POST', url: '/admin/logout' });
      expect(response.statusCode).toBe(303);
      expect(response.cookies[0]).toMatchObject({ name: 'gateway_admin', value: '' });
    });
  });

  test('Bull Board shows every queue and changes nothing', async () => {
    const { queues } = (await api.get('/admin/queues/api/queues', admin)).json();
    expect(queues.map(({ name }: { name: string }) => name).sort()).toEqual([
      'generation-anthropic',
      'generation-openai',
      'generation-sandbox',
      'webhook-delivery',
    ]);
    for (const action of ['pause', 'empty', 'obliterate', 'retry/failed']) {
      const response = await api.inject({
        method: 'PUT',
        url: `/admin/queues/api/queues/generation-sandbox/${action}`,
        headers: admin,
      });
      expect(response.statusCode).toBe(405);
    }
  });

  test('no prompt is to be seen there', async () => {
    const prompt = `confidential ${randomUUID()}`;
    api.answers = undefined;
    await api.generate({ prompt, model: 'gpt-4o', user_id: 'u1' }, { ...admin, prefer: 'respond-async' });
    api.answers = () => answered('x');
    const board = await api.get('/admin/queues/api/queues?activeQueue=generation-openai&jobsPerPage=100&page=1', admin);
    expect(board.body).toContain(api.accepted.at(-1));
    expect(board.body).not.toContain('confidential');
  });

  test('/metrics counts requests, admissions and waits', async () => {
    await api.generate({ prompt: randomUUID(), model: 'gpt-4o', user_id: 'u1' }, admin);
    const response = await api.get('/metrics', admin);
    expect(response.headers['content-type']).toContain('text/plain');
    expect(response.body).toMatch(/^gateway_admissions_total\{outcome="accepted"\} [1-9]/m);
    expect(response.body).toMatch(
      /^gateway_http_request_seconds_count\{method="POST",route="\/v1\/generate",status="200"\} [1-9]/m,
    );
    expect(response.body).toMatch(/^gateway_lane_jobs\{lane="openai",state="waiting"\} \d/m);
    expect(response.body).toMatch(/^gateway_waiting_requests 0$/m);
  });

  test('/v1/admin/summary has the members of the first version, and more', async () => {
    await api.generate({ prompt: randomUUID(), model: 'gpt-4o', user_id: 'u1' }, admin);
    const body = (await api.get('/v1/admin/summary', admin)).json();
    expect(body).toMatchObject({
      cache: { enabled: true, cache_ttl_seconds: 3600 },
      costs: {
        total_requests: expect.any(Number),
        total_cost_usd: expect.any(Number),
        average_cost_per_request: 0.0000975,
        model_breakdown: { 'openai/gpt-4o': expect.any(Object) },
      },
      rate_limits: { max_requests_per_minute: 10, max_requests_per_hour: 100 },
      retry_config: { max_attempts: 3, base_delay: 1 },
      timestamp: expect.any(Number),
      queue: { openai: expect.any(Object), anthropic: expect.any(Object), sandbox: expect.any(Object) },
      providers: { openai: 'sandbox' },
      workers: 1,
    });
  });
});

test('without an admin key nothing opens, and it says what to set', async () => {
  const api = await startTestApi({ redisUrl: inject('redisUrl'), environment: { ADMIN_API_KEY: '' } });
  for (const page of pages) {
    const response = await api.get(page, { accept: 'text/html' });
    expect(response.statusCode).toBe(401);
    expect(response.json().detail).toContain('set ADMIN_API_KEY');
  }
  expect((await api.get('/metrics', { authorization: 'Bearer undefined' })).statusCode).toBe(403);
  await api.close();
});
