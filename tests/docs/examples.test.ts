import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { adminKey, type Gateway, startGateway } from '@llm-gateway/testkit/start-gateway';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    apis: 2,
    workers: 2,
    // What one process writes of a key the other sees at once.
    environment: { ALLOW_INSECURE_WEBHOOKS: 'true', MAX_REQUESTS_PER_MINUTE: '1000', KEY_CACHE_MS: '0' },
  });
});
afterAll(() => gateway?.stop());

/** What an example prints, on the Node that runs the tests. */
async function run(name: string): Promise<string> {
  const env = { ...process.env, GATEWAY_URL: gateway.url, ADMIN_API_KEY: adminKey };
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'examples', name)], {
    env,
    timeout: 60_000,
  });
  return stdout;
}

const promises = {
  'wait.mjs': /^\[sandbox\].*\n\d+ tokens, [\d.]+ USD, job job_\w+\n$/,
  'poll.mjs': /^accepted as job_\w+\n[\s\S]*completed\n\[sandbox\]/,
  'stream.mjs': /-- cut off after event 5 of job_\w+ --\n6 [\s\S]*complete: nothing is missing, nothing came twice\n$/,
  'cancel.mjs':
    /^(202: cancelling|200: cancelled)\ncancelled: \d+ tokens \(estimated\), \d+ characters were written\n$/,
  'replay.mjs': /^(job_\w+), then \1\nreplayed: true, same answer: true\nanother .*: 422 idempotency_key_reused\n$/,
  'queue.mjs':
    /^held: queued, true\nurgent: completed, priority 1, [\s\S]*held: completed[\s\S]*the last 3 of this user: /,
  'webhook.mjs': /^accepted as (job_\w+)\njob\.completed: \1, \d+ tokens, signature true\n$/,
  'keys.mjs':
    /^key_\w+: sk-gw-… \(shown this once\)\nwith max_tokens 100: 200, [\d.]+ USD\nwith the model's own limit: 402 budget_exceeded\nThe daily budget of this API key is 0\.01 USD: .*\nleft today: 0\.00\d+ of 0\.01 USD\nthe ledger: 1 request, \d+ tokens, [\d.]+ USD\nrotated: another secret.*\nrevoked: 401\n$/,
  'openai-sdk.mjs':
    /^Claude: \[sandbox\].* \(\d+ tokens\)\nstreamed: \[sandbox\].*\nin the background: resp_\w+ is (queued|in_progress)\ncompleted: \[sandbox\].*\nbatch: completed, 2 of 2: claude-sonnet-5, gpt-4o\n$/,
  'anthropic-sdk.mjs':
    /^GPT: \[sandbox\].* \(\d+ tokens\)\nstreamed: \[sandbox\].* \(end_turn\)\nthe prompt has \d+ tokens\nbatch: ended, claude-sonnet-5 succeeded, gpt-4o succeeded\n$/,
} as const;

test.for(Object.entries(promises))('%s does what it says', async ([name, promise]) => {
  expect(await run(name)).toMatch(promise);
});

test('every example is run here', () => {
  const written = globSync(join(root, 'examples/*.mjs')).map((file) => basename(file));
  expect(written.filter((name) => name !== 'gateway.mjs').sort()).toEqual(Object.keys(promises).sort());
});
