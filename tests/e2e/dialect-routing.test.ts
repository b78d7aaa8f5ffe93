import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Gateway, post, startGateway } from '@llm-gateway/testkit/start-gateway';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

const file = `
models:
  fast: openai/gpt-4o-mini
  to-claude: { targets: [openai/sandbox/status-500, anthropic/claude-haiku-4-5] }
  to-gpt: { targets: [anthropic/sandbox/overloaded, openai/gpt-4o] }
`;

let gateway: Gateway;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dialect-routing-'));
  writeFileSync(join(folder, 'routing.yaml'), file);
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    environment: { ROUTING_FILE: join(folder, 'routing.yaml'), MAX_REQUESTS_PER_MINUTE: '1000' },
  });
});
afterAll(async () => {
  await gateway?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Who answers to a name of the operator's, in the end. */
const answerers = [
  ['fast', 'openai/gpt-4o-mini'],
  ['to-claude', 'anthropic/claude-haiku-4-5'],
  ['to-gpt', 'openai/gpt-4o'],
] as const;

const bodies = {
  '/v1/generate': () => ({ prompt: randomUUID(), user_id: 'ann' }),
  '/v1/chat/completions': () => ({ messages: [{ role: 'user', content: randomUUID() }] }),
  '/v1/messages': () => ({ messages: [{ role: 'user', content: randomUUID() }], max_tokens: 20 }),
  '/v1/responses': () => ({ input: randomUUID() }),
};

describe.for(Object.entries(bodies))('%s', ([path, body]) => {
  const ask = (model: string, more: object = {}) => post(`${gateway.url}${path}`, { model, ...body(), ...more });

  test.for(answerers)('%s is answered by %s, and says so', async ([model, id]) => {
    // A native answer names the model as its client did; the dialects, like their vendors, as it is.
    const named = path === '/v1/generate' ? model : id.split('/')[1];
    const whole = await ask(model);
    expect([whole.status, whole.headers.get('x-gateway-model'), whole.body.model]).toEqual([200, id, named]);
    expect(whole.headers.get('x-gateway-provider')).toBe(id.split('/')[0]);

    const streamed = await ask(model, { stream: true });
    expect([streamed.status, streamed.headers.get('x-gateway-model')]).toEqual([200, id]);
    expect(streamed.headers.get('x-gateway-provider')).toBe(id.split('/')[0]);
    const names = [...String(streamed.body).matchAll(/"model":"([^"]+)"/g)].map(([, name]) => name);
    expect(names.at(-1)).toBe(named);
  });
});
