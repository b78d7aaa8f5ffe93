import '@llm-gateway/testkit/provided-context';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { dialectOf } from '../http/dialect.ts';
import { collectRoutes, type RouteName } from '../test/collect-routes.ts';
import { asOperator } from '../test/make-key.ts';
import { type LedgerApi, startLedgerApi } from '../test/start-ledger-api.ts';
import { generationEndpoints } from './generation-endpoints.ts';

/** A word of somebody's that is nobody else's business. */
const secret = 'my-private-words';

let api: LedgerApi;
let routes: RouteName[];
const log: string[] = [];
beforeAll(async () => {
  const servers = { redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl') };
  const hears = (line: string) => log.push(line);
  const collected = await collectRoutes(() => startLedgerApi({ ...servers, authMode: 'keys', hears }));
  api = collected.started;
  // A file comes as a form, and the pages of the operator's are somebody else's.
  routes = collected.routes.filter(
    (route) => /^(POST|PUT|PATCH) \/v1\//.test(route) && route !== 'POST /v1/files' && !route.endsWith('/compact'),
  );
});
afterAll(() => api?.close());

const deep = (depth: number) => `${'{"a":'.repeat(depth)}"${secret}"${'}'.repeat(depth)}`;

const hostile: Record<string, { body: string; type?: string; statuses: number[] }> = {
  'is no JSON': { body: `{"prompt": "${secret}`, statuses: [400] },
  'is JSON with something after it': { body: `{"prompt": "${secret}"} "${secret}"`, statuses: [400] },
  'names __proto__': { body: `{"__proto__": {"prompt": "${secret}"}}`, statuses: [400] },
  'names the constructor': { body: `{"constructor": {"prototype": {"x": "${secret}"}}}`, statuses: [400] },
  'has a number as no JSON has it': { body: `{"prompt": "${secret}", "temperature": NaN}`, statuses: [400] },
  'is a form': { body: `prompt=${secret}`, type: 'application/x-www-form-urlencoded', statuses: [415] },
  'is plain text': { body: `{"prompt": "${secret}"}`, type: 'text/plain', statuses: [415] },
  'is a list': { body: `["${secret}"]`, statuses: [400, 422] },
  'is a text': { body: `"${secret}"`, statuses: [400, 422] },
  'has more values than anybody needs': {
    body: `{"prompt": "${secret}", "messages": [${'5,'.repeat(3_000_000)}5]}`,
    statuses: [400, 422],
  },
};

/** Routes that need no body: whatever is sent along is as good as nothing, as long as it is JSON. */
const needsNone = (route: RouteName) => /\/(cancel|release|rotate|rotate-secret|test|redeliver)$/.test(route);

function isOfDialect(route: RouteName, body: { code?: string; error: { type: string }; request_id?: string }): boolean {
  const [, url = ''] = route.split(' ');
  switch (dialectOf(url, undefined)) {
    case 'anthropic':
      return Object.keys(body).join() === 'type,error,request_id';
    case 'openai':
      return Object.keys(body).join() === 'error' && Object.keys(body.error).join() === 'message,type,param,code';
    case 'native':
      return typeof body.code === 'string' && typeof body.error.type === 'string';
  }
}

const send = (route: RouteName, payload: string, type = 'application/json') => {
  const [method, pattern = ''] = route.split(' ');
  const url = pattern.replace(/:\w+/g, 'nothing');
  return api.inject({ method: method as 'POST', url, payload, headers: { ...asOperator, 'content-type': type } });
};

test.for(Object.entries(hostile))(
  'a body that %s is refused in terms of its route',
  async ([, { body, type, statuses }]) => {
    const wrong: string[] = [];
    for (const route of routes) {
      const response = await send(route, body, type);
      const isWell =
        statuses.includes(response.statusCode) || (needsNone(route) && [200, 404].includes(response.statusCode));
      const isTold = response.statusCode === 200 || isOfDialect(route, response.json());
      if (!isWell || !isTold || response.body.includes(secret)) {
        wrong.push(`${route}: ${response.statusCode} ${response.body.slice(0, 300)}`);
      }
    }
    expect(routes.length).toBeGreaterThan(15);
    expect(wrong).toEqual([]);
  },
);

/** Bodies that each of them would take. */
const good: Record<string, object> = {
  '/v1/generate': { prompt: 'x', user_id: 'ann' },
  '/v1/chat/completions': { messages: [{ role: 'user', content: 'x' }] },
  '/v1/completions': { prompt: 'x' },
  '/v1/embeddings': { model: 'text-embedding-3-small', input: 'x' },
  '/v1/messages': { messages: [{ role: 'user', content: 'x' }], max_tokens: 5 },
  '/v1/responses': { input: 'x' },
};

const ask = (path: string, more: object) => ({ model: 'gpt-4o', ...good[path], ...more });
const post = (path: string, payload: object) =>
  api.inject({ method: 'POST', url: path, payload, headers: { ...asOperator, prefer: 'respond-async' } });

describe.for(generationEndpoints)('$path', ({ path }) => {
  test('takes a body that is well', async () => {
    expect((await post(path, ask(path, {}))).statusCode).toBe(202);
  });

  test('has no header made of a name, be it as long or as crooked as it likes', async () => {
    for (const model of [
      'openai/x\r\nset-cookie: a=b',
      `openai/${'x'.repeat(10_000)}`,
      'openai/\u2603',
      'x\0',
      '\ud800',
    ]) {
      const response = await post(path, ask(path, { model }));
      expect([400, 404, 422]).toContain(response.statusCode);
      expect(response.headers['set-cookie']).toBeUndefined();
      expect(response.body.length).toBeLessThan(2000);
    }
  });

  test('tells of many faults no more than a few', async () => {
    const list = Array.from({ length: 10_000 }, () => 5);
    const response = await post(
      path,
      ask(path, { messages: list, input: { many: list }, prompt: list.map(() => ({})) }),
    );
    expect([400, 422]).toContain(response.statusCode);
    expect(response.body.length).toBeLessThan(5000);
  });
});

// What is not known to us is for its provider, of any name.
test.for(generationEndpoints.filter(({ dialect }) => dialect !== 'native'))(
  '$path passes on members named as those of every object',
  async ({ path }) => {
    const before = api.accepted.length;
    const strange = { toString: 'x', hasOwnProperty: 1, valueOf: null };
    expect((await post(path, ask(path, strange))).statusCode).toBe(202);
    const record = await api.deps.jobs.find('default', await api.job(before));
    expect(record?.generation.native?.body).toMatchObject({ toString: 'x', hasOwnProperty: 1 });
    expect((await post(path, JSON.parse(`{"model":"gpt-4o","x":${deep(101)}}`))).statusCode).toBe(400);
  },
);

test('nothing of all that was said stands in the log', () => {
  expect(log.length).toBeGreaterThan(100);
  expect(log.filter((line) => line.includes(secret))).toEqual([]);
});
