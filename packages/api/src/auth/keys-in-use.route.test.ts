import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { asOperator, makeKey, makeTenant } from '../test/make-key.ts';
import { answered } from '../test/settle-by-hand.ts';
import { startTestApi, type TestApi, type TestApiOptions } from '../test/start-test-api.ts';

const opened: TestApi[] = [];
const start = async (options: Partial<TestApiOptions> = {}) => {
  const api = await startTestApi({ redisUrl: inject('redisUrl'), ...options });
  api.answers = () => answered('x');
  opened.push(api);
  return api;
};
afterEach(() => Promise.all(opened.splice(0).map((api) => api.close())));

const ask = (more: object = {}) => ({ prompt: `asked ${randomUUID()}`, model: 'gpt-4o', ...more });

describe('while the gateway is open', () => {
  test('a key is its tenant and itself', async () => {
    const api = await start();
    await makeTenant(api, { id: 'acme' });
    const { id, headers } = await makeKey(api, { tenant_id: 'acme' });
    const { headers: sent } = await api.generate(ask(), headers);
    expect((await api.get(`/v1/jobs/${sent['x-job-id']}`, headers)).json().user_id).toBe(id);
    expect((await api.get(`/v1/jobs/${sent['x-job-id']}`)).statusCode).toBe(404);
  });

  test('a key has its scopes and no more', async () => {
    const api = await start();
    const { headers } = await makeKey(api, { scopes: ['read'] });
    expect((await api.generate(ask(), headers)).statusCode).toBe(403);
  });

  test('a key of ours that does not open is refused; any other credential is nobody’s', async () => {
    const api = await start();
    const { id, secret } = await makeKey(api);
    await api.inject({ method: 'DELETE', url: `/v1/admin/keys/${id}`, headers: asOperator });
    const statusWith = async (credential: string) =>
      (await api.get('/v1/jobs', { 'x-api-key': credential })).statusCode;
    expect(await statusWith(secret)).toBe(401);
    expect(await statusWith(`sk-gw-${'x'.repeat(43)}`)).toBe(401);
    expect(await statusWith('sk-proj-of-another-service')).toBe(200);
  });

  test('nobody needs a key to clear the cache, and everybody needs one to administer', async () => {
    const api = await start();
    expect((await api.inject({ method: 'DELETE', url: '/v1/cache/clear' })).statusCode).toBe(200);
    expect((await api.get('/v1/admin/keys')).statusCode).toBe(401);
    expect((await api.get('/v1/admin/keys', { 'x-api-key': 'anything' })).statusCode).toBe(403);
    const { headers } = await makeKey(api, { scopes: ['admin'] });
    expect((await api.get('/v1/admin/keys', headers)).statusCode).toBe(200);
  });
});

test('where keys are needed, a key without the scope "admin" clears no cache', async () => {
  const api = await start({ authMode: 'keys' });
  const clear = async (headers: object) =>
    (await api.inject({ method: 'DELETE', url: '/v1/cache/clear', headers: { ...headers } })).statusCode;
  expect(await clear((await makeKey(api)).headers)).toBe(403);
  expect(await clear((await makeKey(api, { scopes: ['admin'] })).headers)).toBe(200);
  expect(await clear(asOperator)).toBe(200);
});

test('a key is taken from each header that SDKs send it in', async () => {
  const api = await start({ authMode: 'keys' });
  const { secret } = await makeKey(api);
  for (const headers of [
    { authorization: `Bearer ${secret}` },
    { 'x-api-key': secret },
    { 'api-key': secret },
    { authorization: `Bearer ${secret}`, 'x-api-key': 'another' },
  ]) {
    expect((await api.get('/v1/key', { ...headers } as Record<string, string>)).statusCode).toBe(200);
  }
});

test('Redis away is 503 for who sends a key, never 401', async () => {
  const api = await start({ authMode: 'keys' });
  const { headers } = await makeKey(api);
  api.redis.disconnect();
  const response = await api.get('/v1/key', headers);
  expect([response.statusCode, response.json().code]).toEqual([503, 'dependency_down']);
  expect((await api.get('/v1/key', { 'x-api-key': 'anything' })).statusCode).toBe(401);
});

test('a secret is told once: no log has it, and no value or name in Redis', async () => {
  const lines: string[] = [];
  const api = await start({ authMode: 'keys', hears: (line) => lines.push(line) });
  const { id, secret, headers } = await makeKey(api);
  const send = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, more: object = headers) =>
    api.inject({ method, url, headers: { ...more } });
  const rotated = (await send('POST', `/v1/admin/keys/${id}/rotate`, asOperator)).json().key;
  await api.generate(ask(), headers);
  await api.generate(ask(), { 'x-api-key': rotated });
  await send('GET', '/metrics');
  await send('GET', '/v1/admin/keys');
  await api.generate(ask({ prompt: '' }), headers);
  // The same, cut off or misplaced.
  await send('GET', '/v1/jobs', { authorization: `Bearer ${secret.slice(0, -1)}` });
  await send('GET', '/v1/jobs', { authorization: secret });
  await send('PATCH', `/v1/admin/keys/${id}`, { authorization: `Basic ${secret}` });
  await send('DELETE', `/v1/admin/keys/${id}`, asOperator);
  await send('GET', '/v1/jobs');
  expect(lines.length).toBeGreaterThan(5);

  const stored = await dump(api);
  expect(stored.length).toBeGreaterThan(5);
  for (const one of [secret, rotated]) {
    expect(lines.filter((line) => line.includes(one.slice(6, -1)))).toEqual([]);
    expect(stored.filter((text) => text.includes(one.slice(6, -1)))).toEqual([]);
  }
});

/** Every name of the gateway in Redis, with all of its value. */
async function dump({ redis, deps }: TestApi): Promise<string[]> {
  const names = await redis.keys(deps.keys.tenants.replace('tenants', '*'));
  const values = await Promise.all(names.map((name) => readValue(redis, name)));
  return names.map((name, index) => `${name} ${values[index]}`);
}

async function readValue(redis: TestApi['redis'], name: string): Promise<string> {
  switch (await redis.type(name)) {
    case 'string':
      return (await redis.get(name)) ?? '';
    case 'hash':
      return JSON.stringify(await redis.hgetall(name));
    case 'zset':
      return JSON.stringify(await redis.zrange(name, '0', '-1'));
    case 'stream':
      return JSON.stringify(await redis.xrange(name, '-', '+'));
    case 'set':
      return JSON.stringify(await redis.smembers(name));
    case 'list':
      return JSON.stringify(await redis.lrange(name, 0, -1));
    default:
      throw new Error(`${name} is of a type that is not read here`);
  }
}
