import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { adminKey, type Gateway, startGateway } from '@llm-gateway/testkit/start-gateway';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

const run = promisify(execFile);
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, text]) => text ?? '');

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    environment: { ALLOW_INSECURE_WEBHOOKS: 'true', MAX_REQUESTS_PER_MINUTE: '1000' },
  });
});
afterAll(() => gateway?.stop());

const shell = async (script: string) => {
  const env = { ...process.env, ADMIN_API_KEY: adminKey };
  return (await run('bash', ['-c', script.replaceAll('http://localhost:8000', gateway.url)], { env })).stdout;
};

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

test.for([
  ['openai', /^\[sandbox\] claude-sonnet-5 .*\n\[sandbox\] gpt-4o [^\n]*(queued|in_progress|completed)\n$/],
  ['@anthropic-ai/sdk', /^\[sandbox\] gpt-4o .*\n\[sandbox\] claude-sonnet-5 [^\n]*end_turn\n$/],
] as const)('the script for %s runs as shown', async ([sdk, promise]) => {
  const script = blocks('js').find((block) => block.includes(`from '${sdk}'`)) ?? '';
  const there = script.replaceAll('http://localhost:8000', gateway.url);
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '--eval', there], { cwd });
  expect(stdout).toMatch(promise);
  expect(stderr).toBe('');
});

/** The curls of the block that holds `marker`, one line each. */
const curlsOf = (marker: string) =>
  (blocks('bash').find((text) => text.includes(marker)) ?? '')
    .replaceAll('\\\n', ' ')
    .replace(/\n\s+(?=")/g, ' ')
    .split('\n')
    .filter((line) => line.startsWith('curl'));

test('submit and poll work as shown', async () => {
  const [submit = '', poll = '', result = ''] = curlsOf('Write a long story');
  const job = JSON.parse(await shell(submit));
  expect(job.object).toBe('job');
  expect(JSON.parse(await shell(poll.replace('JOB_ID', job.id))).status).toBe('completed');
  expect(JSON.parse(await shell(result.replace('JOB_ID', job.id))).job_id).toBe(job.id);
});

test('a batch works as shown', async () => {
  const script = blocks('bash').find((block) => block.includes('requests.jsonl')) ?? '';
  const [line = ''] = script.split('\n');
  const [upload = '', create = '', look = '', output = ''] = curlsOf('requests.jsonl');
  const folder = await mkdtemp(join(tmpdir(), 'readme-'));
  try {
    const file = JSON.parse(await shell(`cd ${folder} && ${line} && ${upload}`));
    const batch = JSON.parse(await shell(create.replace('FILE_ID', file.id)));
    const ended = await waitFor(
      async () => {
        const now = JSON.parse(await shell(look.replace('BATCH_ID', batch.id)));
        return now.status === 'completed' ? now : undefined;
      },
      { what: 'the batch has ended' },
    );
    const answer = JSON.parse(await shell(output.replace('OUTPUT_FILE_ID', ended.output_file_id)));
    expect(answer).toMatchObject({ custom_id: 'first', response: { status_code: 200, body: { model: 'gpt-4o' } } });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a stream comes and is resumed as shown', async () => {
  const [stream = '', resume = ''] = curlsOf('"stream": true');
  const all = await shell(stream);
  expect(all).toMatch(/^retry: 1000\n\nid: 0\nevent: job\.queued\n[\s\S]*event: job\.completed\n/);
  const id = /"job_id":"(job_\w+)"/.exec(all)?.[1] ?? '';
  const rest = await shell(resume.replace('JOB_ID', id));
  expect(all.endsWith(rest.slice('retry: 1000\n\n'.length))).toBe(true);
  expect(rest).toMatch(/^retry: 1000\n\nid: 4\n/);
});

test('jobs are submitted with options, listed and cancelled as shown', async () => {
  const [submit = '', list = '', cancel = ''] = curlsOf('Idempotency-Key: order-4711');
  const job = JSON.parse(await shell(submit));
  expect(job).toMatchObject({ priority: 8, metadata: { order: '4711' } });
  expect(JSON.parse(await shell(submit)).id).toBe(job.id);
  const { object, data } = JSON.parse(await shell(list));
  expect([object, data.length]).toEqual(['list', expect.any(Number)]);
  expect(JSON.parse(await shell(cancel.replace('JOB_ID', job.id))).id).toBe(job.id);
});

test('a webhook is asked for and looked after as shown', async () => {
  const [submit = '', secret = '', deliveries = ''] = curlsOf('https://example.com/hook');
  // Nobody listens there, and nothing of a test leaves this machine.
  const url = 'http://127.0.0.1:9/hook';
  const job = JSON.parse(await shell(submit.replace('https://example.com/hook', url)));
  expect(job.webhook).toMatchObject({ url });
  expect(JSON.parse(await shell(secret)).secret).toMatch(/^whsec_/);
  expect(JSON.parse(await shell(deliveries.replace('JOB_ID', job.id))).object).toBe('list');
});

test('a key is made as shown, and says what it may', async () => {
  const [make = ''] = curlsOf('checkout service');
  const { key, ...made } = JSON.parse(await shell(make));
  expect(made).toMatchObject({
    tenant_id: 'default',
    models: ['openai/gpt-4o', 'openai/gpt-4o-mini'],
    limits: { requests_per_minute: 600, tokens_per_minute: 200_000, concurrency: 50 },
  });
  const own = await gateway.get('/v1/key', { authorization: `Bearer ${key}` });
  expect(own.body.budgets.map(({ period }: { period: string }) => period)).toEqual(['day', 'month']);
});

test('usage, the summary and the ledger are told as shown', async () => {
  const [usage = '', summary = '', ledger = ''] = curlsOf('group_by=day');
  const told = JSON.parse(await shell(usage));
  expect(told.total_requests).toBeGreaterThan(0);
  expect(told.groups.length).toBe(1);
  expect(JSON.parse(await shell(summary)).costs.total_requests).toBeGreaterThanOrEqual(told.total_requests);
  expect((await shell(ledger)).split('\n')[0]).toMatch(/^id,at,generation,call,/);
});
