import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { environments, sandboxEnvironment } from './environment.ts';
import { readSettings } from './settings.ts';

const base = {
  OPENAI_API_KEY: 'o',
  ANTHROPIC_API_KEY: '',
  ADMIN_API_KEY: 'an-admin-key-0123',
  WORKER_PORT: '9100',
  OTHER: 'kept',
};
const wired = environments({
  base,
  settings: readSettings(base, '/root'),
  redisUrl: 'redis://r',
  databaseUrl: 'postgres://p',
  sandboxUrl: 'http://s',
  adminKey: 'an-admin-key-0123',
});

test('what the routing file refers to is for workers alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'routing-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'routing.yaml');
  writeFileSync(file, `providers: { groq: { base_url: "http://x", api_key: "\${GROQ_API_KEY}" } }`);
  const routed = { ...base, ROUTING_FILE: file, GROQ_API_KEY: 'secret' };
  const { api, worker } = environments({
    base: routed,
    settings: readSettings(routed, '/root'),
    redisUrl: 'redis://r',
    databaseUrl: 'postgres://p',
    sandboxUrl: undefined,
    adminKey: undefined,
  });
  expect(worker(0)).toMatchObject({ GROQ_API_KEY: 'secret', ROUTING_FILE: file });
  expect(api).toMatchObject({ ROUTING_FILE: file, OTHER: 'kept' });
  expect(api).not.toHaveProperty('GROQ_API_KEY');
  expect(sandboxEnvironment(routed, '0')).not.toHaveProperty('GROQ_API_KEY');
});

test('the api gets no provider key', () => {
  expect(wired.api).toMatchObject({
    ADMIN_API_KEY: 'an-admin-key-0123',
    REDIS_URL: 'redis://r',
    DATABASE_URL: 'postgres://p',
    SANDBOX_URL: 'http://s',
    OTHER: 'kept',
  });
  expect(wired.api).not.toHaveProperty('OPENAI_API_KEY');
});

test('a worker gets no admin key, and no empty provider key', () => {
  expect(wired.worker(1)).toMatchObject({ OPENAI_API_KEY: 'o', DATABASE_URL: 'postgres://p', WORKER_PORT: '9101' });
  expect(wired.worker(1)).not.toHaveProperty('ADMIN_API_KEY');
  expect(wired.worker(1)).not.toHaveProperty('ANTHROPIC_API_KEY');
});

test('the sandbox gets no key at all, and no store', () => {
  expect(sandboxEnvironment({ ...base, REDIS_URL: 'r', DATABASE_URL: 'd' }, '0')).toEqual({
    WORKER_PORT: '9100',
    OTHER: 'kept',
    SANDBOX_HOST: '127.0.0.1',
    SANDBOX_PORT: '0',
  });
});
