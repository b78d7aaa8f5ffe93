import { createSandboxClient } from '@llm-gateway/testkit/sandbox-client';
import { startGateway } from '@llm-gateway/testkit/start-gateway';
import { type Running, startProcess } from '@llm-gateway/testkit/start-process';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

const key = 'sk-test-of-a-real-key-0123456789';

// A second sandbox plays the real OpenAI: it is reached with a key, at its own address.
let openai: Running;
beforeAll(async () => {
  openai = await startProcess('sandbox', { SANDBOX_PORT: '0' });
});
afterAll(() => openai?.stop('SIGKILL'));

test('each provider is real or sandbox on its own, by its key', async () => {
  const gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    environment: { OPENAI_API_KEY: key, OPENAI_BASE_URL: `${openai.url}/v1` },
  });
  try {
    const { body: health } = await gateway.get('/v1/health');
    expect(health.providers).toEqual({ openai: 'live', anthropic: 'sandbox', sandbox: 'sandbox' });
    const ask = (model: string) => gateway.generate({ prompt: 'hello', model, user_id: 'mixed' });
    expect((await ask('gpt-4o')).status).toBe(200);
    expect((await ask('claude-haiku-4-5')).status).toBe(200);
    const models = async (url: string) => (await createSandboxClient(url).bill()).entries.map(({ model }) => model);
    expect(await models(openai.url)).toEqual(['gpt-4o']);
    expect(await models(gateway.sandboxProcess.url)).toEqual(['claude-haiku-4-5']);
  } finally {
    await gateway.stop();
  }
});

test('a provider without key and sandbox is refused by name, and unreachable ones are told without the key', async () => {
  const gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    environment: { SANDBOX_URL: '', OPENAI_API_KEY: key, OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', MAX_ATTEMPTS: '1' },
  });
  try {
    const refused = await gateway.generate({ prompt: 'hello', model: 'claude-haiku-4-5', user_id: 'u' });
    expect([refused.status, refused.body.detail]).toEqual([422, expect.stringContaining('anthropic')]);
    const unreachable = await gateway.generate({ prompt: 'hello', model: 'gpt-4o', user_id: 'u' });
    expect([unreachable.status, unreachable.body.code]).toEqual([502, 'provider_unreachable']);
    const logs = gateway.workers.map((worker) => worker.output()).join('');
    expect(logs).toContain('ECONNREFUSED');
    expect(logs + JSON.stringify(unreachable.body)).not.toContain(key);
  } finally {
    await gateway.stop();
  }
});
