import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { configurationGroups } from '../../scripts/configuration-groups.ts';
import { type ComposeFile, composeFile } from './compose-schema.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const text = read('docker-compose.yml');
const compose: ComposeFile = composeFile.parse(parse(text, { merge: true }));
const dockerfile = read('deploy/Dockerfile');
const { api, worker, sandbox, redis, postgres } = compose.services;
const services = Object.entries(compose.services);

/** Every variable that some process of ours reads. */
const hasEngine = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0;
if (!hasEngine) console.log('[tests] no docker compose here: the file is checked against our schema only');

test.skipIf(!hasEngine)('docker compose accepts the file', () => {
  const env = { ...process.env, ADMIN_API_KEY: 'x'.repeat(32), POSTGRES_PASSWORD: 'y' };
  const { status, stderr } = spawnSync('docker', ['compose', 'config', '-q'], { cwd: root, env, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

test('Redis loses at most a second, evicts nothing and is reached by api and worker alone', () => {
  expect(redis.command.join(' ')).toContain('--appendonly yes --appendfsync everysec');
  expect(redis.command.join(' ')).toContain('--maxmemory-policy noeviction');
  expect(redis.volumes).toEqual(['redis-data:/data']);
  expect(redis.ports).toBeUndefined();
  expect(redis.networks).toEqual(['store']);
  expect(compose.networks.store?.internal).toBe(true);
  expect(compose.volumes).toHaveProperty('redis-data');
  expect(services.filter(([, { networks }]) => networks.includes('store')).map(([name]) => name)).toEqual([
    'api',
    'worker',
    'redis',
    'postgres',
  ]);
});

test('Postgres keeps its data in a volume, is reached by api and worker alone and wants a password', () => {
  expect(postgres.volumes).toEqual(['postgres-data:/var/lib/postgresql']);
  expect(compose.volumes).toHaveProperty('postgres-data');
  expect(postgres.ports).toBeUndefined();
  expect(postgres.networks).toEqual(['store']);
  expect(postgres.command.join(' ')).not.toMatch(/fsync|synchronous_commit/);
  expect(postgres.environment?.POSTGRES_PASSWORD).toMatch(/^\$\{POSTGRES_PASSWORD:\?.+\}$/);
});

test('api and worker begin when both stores are there, and know where', () => {
  for (const { environment, depends_on: dependencies } of [api, worker]) {
    expect(environment?.REDIS_URL).toBe('redis://redis:6379');
    const database = `postgres://postgres:\${POSTGRES_PASSWORD}@postgres:5432/${postgres.environment?.POSTGRES_DB}`;
    expect(environment?.DATABASE_URL).toBe(database);
    expect(dependencies).toMatchObject({ redis: expect.anything(), postgres: expect.anything() });
  }
});

test('workers can be scaled: no fixed name, no published port', () => {
  expect(text).not.toContain('container_name');
  expect(worker.ports).toBeUndefined();
});

test('the api listens for the host alone unless told otherwise, and wants an admin key', () => {
  expect(api.ports).toEqual([`\${PUBLISH_ADDRESS:-127.0.0.1}:\${PUBLISH_PORT:-8000}:8000`]);
  expect(api.environment).toMatchObject({ HOST: '0.0.0.0', PORT: '8000' });
  expect(api.environment?.ADMIN_API_KEY).toMatch(/^\$\{ADMIN_API_KEY:\?.+\}$/);
});

test('each process gets the secrets it needs and no other', () => {
  expect(api.environment).toMatchObject({ OPENAI_API_KEY: '', ANTHROPIC_API_KEY: '' });
  expect(worker.environment).toMatchObject({ ADMIN_API_KEY: '' });
  expect(sandbox.env_file).toEqual([]);
  expect(text).not.toMatch(/\b(?:sk-|gw_admin_)\w/);
});

test('a process has longer to stop than its own drain takes', () => {
  for (const { stop_grace_period: period } of [api, worker])
    expect(Number.parseInt(period ?? '0', 10)).toBeGreaterThan(35);
});

test.for(services)('%s: what it depends on exists, and so does what it runs', ([, service]) => {
  for (const name of Object.keys(service.depends_on ?? {})) expect(compose.services).toHaveProperty(name);
  for (const name of service.networks) expect(compose.networks).toHaveProperty(name);
  for (const part of service.command.filter((word) => word.endsWith('.ts')))
    expect(existsSync(join(root, part))).toBe(true);
  if (service.build) expect(existsSync(join(root, service.build.dockerfile))).toBe(true);
});

const ours = services.filter(([, { build }]) => build);
test.for(ours)('%s: every variable it is given is read by somebody', ([, service]) => {
  const known = new Set(configurationGroups.flatMap(([, shape]) => Object.keys(shape)));
  expect(known.size).toBeGreaterThan(20);
  expect(Object.keys(service.environment ?? {}).filter((name) => !known.has(name))).toEqual([]);
});

test('the image runs as nobody special and holds no tests, no keys and no local state', () => {
  expect(dockerfile).toMatch(/^USER node$/m);
  expect(dockerfile.lastIndexOf('USER node')).toBeGreaterThan(dockerfile.lastIndexOf('\nCOPY'));
  expect(dockerfile).toContain('--prod --frozen-lockfile');
  const ignored = read('.dockerignore').split('\n');
  expect(ignored[0]).toBe('*');
  expect(ignored.filter((line) => line.startsWith('!'))).toEqual([
    '!package.json',
    '!pnpm-lock.yaml',
    '!pnpm-workspace.yaml',
    '!LICENSE',
    '!packages',
  ]);
});

test('the image copies the manifest of every package it installs', () => {
  for (const name of ['api', 'sandbox', 'shared', 'worker']) {
    expect(dockerfile).toContain(`COPY packages/${name}/package.json packages/${name}/`);
  }
});
