import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { type Gateway, startGateway } from '@llm-gateway/testkit/start-gateway';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

const run = promisify(execFile);
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, text]) => text ?? '');

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ redisUrl: inject('redisUrl') });
});
afterAll(() => gateway?.stop());

const shell = async (script: string) =>
  (await run('bash', ['-c', script.replaceAll('http://localhost:8000', gateway.url)])).stdout;

test('the first curl gives the answer that the README shows, and from the cache the second time', async () => {
  const curl = blocks('bash').find((block) => block.includes('"gpt-4o"')) ?? '';
  const shown = JSON.parse(blocks('json')[0] ?? '');
  const { request_id, latency_ms, job_id, ...stable } = JSON.parse(await shell(`${curl.trim()} --silent`));
  const { request_id: _, latency_ms: __, job_id: ___, ...expected } = shown;
  expect(stable).toEqual(expected);
  expect([typeof request_id, typeof latency_ms]).toEqual(['string', 'number']);
  expect(job_id).toMatch(/^job_/);
  expect(JSON.parse(await shell(`${curl.trim()} --silent`)).cached).toBe(true);
});

test('submit and poll work as shown', async () => {
  const block = blocks('bash').find((text) => text.includes('respond-async')) ?? '';
  const [submit = '', poll = '', result = ''] = block
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.startsWith('curl'));
  const job = JSON.parse(await shell(submit));
  expect(job.object).toBe('job');
  expect(JSON.parse(await shell(poll.replace('JOB_ID', job.id))).status).toBe('completed');
  expect(JSON.parse(await shell(result.replace('JOB_ID', job.id))).job_id).toBe(job.id);
});
