import '@llm-gateway/testkit/provided-context';
import { randomUUID } from 'node:crypto';
import { adminKey, type Gateway, post, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { type Receiver, startReceiver } from '@llm-gateway/testkit/start-receiver';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

let gateway: Gateway;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    environment: { AUTH_MODE: 'keys', MAX_REQUESTS_PER_MINUTE: '1000', MAX_ATTEMPTS: '1', LOG_LEVEL: 'trace' },
  });
});
afterAll(async () => {
  await gateway?.stop();
  receiver?.close();
});

const said = `said-${randomUUID()}`;
/** Of the client's own headers: what they hold is for the provider or for nobody. */
const told = {
  cookie: `session=cookie-${randomUUID()}`,
  'anthropic-beta': `beta-${randomUUID()}`,
  'openai-organization': `org-${randomUUID()}`,
  'openai-project': `project-${randomUUID()}`,
  'x-unknown': `unknown-${randomUUID()}`,
};

const messages = [{ role: 'user', content: said }];
const tools = [{ name: said, input_schema: { type: 'object', description: said } }];

/** What is asked, well and badly, with the same words in it. */
const asked: [path: string, body: object][] = [
  ['/v1/chat/completions', { model: 'gpt-4o', messages, metadata: { note: said }, store: true }],
  ['/v1/chat/completions', { model: 'gpt-4o', messages, stream: true }],
  ['/v1/chat/completions', { model: 'claude-haiku-4-5', messages, temperature: said }],
  ['/v1/chat/completions', { model: 'gpt-4o', messages: [{ role: 'user', content: { [said]: said } }] }],
  ['/v1/chat/completions', { model: 'openai/sandbox/status-400', messages }],
  ['/v1/chat/completions', { model: 'openai/sandbox/malformed-json', messages }],
  ['/v1/completions', { model: 'gpt-4o', prompt: said, max_tokens: 9 }],
  ['/v1/embeddings', { model: 'text-embedding-3-small', input: said }],
  ['/v1/messages', { model: 'claude-haiku-4-5', messages, max_tokens: 9, system: said, tools }],
  ['/v1/messages', { model: 'gpt-4o', messages, max_tokens: said }],
  ['/v1/messages', { model: 'anthropic/sandbox/drip-10+truncate', messages, max_tokens: 9, stream: true }],
  ['/v1/messages/count_tokens', { model: 'gpt-4o', messages }],
  ['/v1/responses', { model: 'gpt-4o', input: said, instructions: said }],
  ['/v1/responses', { model: 'gpt-4o', input: said, previous_response_id: 'resp_no' }],
  ['/v1/responses/input_tokens', { model: 'gpt-4o', input: said }],
  ['/v1/jobs', { endpoint: '/v1/chat/completions', body: { model: 'gpt-4o', messages } }],
];

test('what is said in any dialect, or sent beside it, is in no log and no metric', async () => {
  const admin = { authorization: `Bearer ${adminKey}` };
  const { key } = (await post(`${gateway.url}/v1/admin/keys`, {}, admin)).body;
  const headers = { ...told, authorization: `Bearer ${key}` };
  const statuses = [];
  for (const [path, body] of asked) statuses.push((await post(`${gateway.url}${path}`, body, headers)).status);
  expect([...new Set(statuses)].sort()).toEqual([200, 202, 400, 502]);

  const lineOf = (custom_id: string, body: object) =>
    JSON.stringify({ custom_id, method: 'POST', url: '/v1/chat/completions', body });
  const lines = [lineOf(said, { model: 'gpt-4o', messages }), lineOf('bad', { model: said, messages })];
  const batches: string[] = [];
  for (const content of [lines.join('\n'), `${said} is no JSON`]) {
    const form = new FormData();
    form.append('file', new Blob([content]), `${said}.jsonl`);
    form.append('purpose', 'batch');
    const file = await send(`${gateway.url}/v1/files`, { method: 'POST', body: form, headers });
    const batch = { input_file_id: file.body.id, endpoint: '/v1/chat/completions', completion_window: '24h' };
    batches.push((await post(`${gateway.url}/v1/batches`, { ...batch, metadata: { note: said } }, headers)).body.id);
  }
  const requests = [{ custom_id: 'a', params: { model: 'claude-haiku-4-5', messages, max_tokens: 9 } }];
  await post(`${gateway.url}/v1/messages/batches`, { requests }, headers);
  const ended = await waitFor(
    async () => {
      const found = await Promise.all(batches.map((id) => gateway.get(`/v1/batches/${id}`, headers)));
      return found.every(({ body }) => ['completed', 'failed'].includes(body.status)) && found;
    },
    { what: 'the batches have ended' },
  );
  expect(ended.map(({ body }) => body.status)).toEqual(['completed', 'failed']);
  expect(ended[0]?.body.request_counts).toEqual({ total: 2, completed: 1, failed: 1 });

  const logs = [...gateway.apis, ...gateway.workers].map((one) => one.output()).join('');
  const metrics = String((await send(`${gateway.url}/metrics`, { headers: admin })).body);
  expect(logs).toContain('request_received');
  for (const secret of [said, key, adminKey, ...Object.values(told)]) {
    expect(
      logs.split('\n').filter((line) => line.includes(secret)),
      `${secret} in the logs`,
    ).toEqual([]);
    expect(metrics.includes(secret), `${secret} in the metrics`).toBe(false);
  }
});

test('what is shown by its address is fetched by nobody here: the address goes to the provider', async () => {
  const url = `${receiver.url}/image.png`;
  const headers = { authorization: `Bearer ${adminKey}`, 'x-client-request-id': `shown-${randomUUID()}` };
  const image = { type: 'image', source: { type: 'url', url } };
  const document = { type: 'document', source: { type: 'url', url } };
  const ask = { max_tokens: 9 };
  for (const model of ['gpt-4o', 'claude-haiku-4-5']) {
    const chat = { ...ask, model, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] };
    expect((await post(`${gateway.url}/v1/chat/completions`, chat, headers)).status).toBe(200);
    const message = { ...ask, model, messages: [{ role: 'user', content: [image] }] };
    expect((await post(`${gateway.url}/v1/messages`, message, headers)).status).toBe(200);
    await post(
      `${gateway.url}/v1/messages`,
      { ...message, messages: [{ role: 'user', content: [document] }] },
      headers,
    );
    const input = [{ role: 'user', content: [{ type: 'input_image', image_url: url }] }];
    expect((await post(`${gateway.url}/v1/responses`, { model, input }, headers)).status).toBe(200);
    await post(`${gateway.url}/v1/responses/input_tokens`, { model, input }, headers);
    await post(`${gateway.url}/v1/messages/count_tokens`, { model, messages: message.messages }, headers);
  }
  const calls = await gateway.sandbox.callsWithBodies({ request_id: headers['x-client-request-id'] });
  expect(calls.length).toBeGreaterThan(5);
  for (const call of calls) expect(JSON.stringify(call.body)).toContain(url);
  expect(receiver.received).toEqual([]);
});
