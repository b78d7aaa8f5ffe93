import { randomUUID } from 'node:crypto';
import { adminKey, type Gateway, post, send, startGateway } from '@llm-gateway/testkit/start-gateway';
import { type Receiver, startReceiver } from '@llm-gateway/testkit/start-receiver';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

let gateway: Gateway;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  gateway = await startGateway({
    redisUrl: inject('redisUrl'),
    databaseUrl: inject('databaseUrl'),
    apis: 2,
    workers: 1,
    environment: {
      AUTH_MODE: 'keys',
      ALLOW_INSECURE_WEBHOOKS: 'true',
      MAX_REQUESTS_PER_MINUTE: '100000',
      MAX_REQUESTS_PER_HOUR: '100000',
      BATCH_WINDOW: '20',
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  receiver?.close();
});

const admin = { authorization: `Bearer ${adminKey}` };

interface Client {
  openai: OpenAI;
  tenant: string;
  headers: { authorization: string };
}

/** The official client with a key of a tenant of its own. */
async function newClient(api = gateway.url): Promise<Client> {
  const tenant = `t-${randomUUID().slice(0, 8)}`;
  expect((await post(`${gateway.url}/v1/admin/tenants`, { id: tenant }, admin)).status).toBe(201);
  const { body } = await post(`${gateway.url}/v1/admin/keys`, { tenant_id: tenant }, admin);
  const headers = { authorization: `Bearer ${body.key}` };
  return { openai: new OpenAI({ apiKey: body.key, baseURL: `${api}/v1` }), tenant, headers };
}

const endpoint = '/v1/generate' as OpenAI.BatchCreateParams['endpoint'];

interface Line {
  custom_id: string;
  method?: string;
  url?: string;
  body: object;
}

const asJsonl = (lines: readonly Line[]) =>
  lines.map((line) => JSON.stringify({ method: 'POST', url: endpoint, ...line })).join('\n');

const linesOf = (count: number, model: string, name = 'line'): Line[] =>
  Array.from({ length: count }, (_, index) => ({
    custom_id: `${name}-${index}`,
    body: { model, prompt: `line ${index} of ${randomUUID()}` },
  }));

async function startBatch({ openai }: Client, lines: readonly Line[]): Promise<OpenAI.Batch> {
  const file = await openai.files.create({
    file: await toFile(Buffer.from(asJsonl(lines)), 'in.jsonl'),
    purpose: 'batch',
  });
  return openai.batches.create({ input_file_id: file.id, endpoint, completion_window: '24h', metadata: { a: 'b' } });
}

const ended = ({ openai }: Client, { id }: OpenAI.Batch, timeoutMs = 60_000) =>
  waitFor(
    async () => {
      const batch = await openai.batches.retrieve(id);
      return ['completed', 'failed', 'cancelled', 'expired'].includes(batch.status) ? batch : undefined;
    },
    { what: `${id} has ended`, intervalMs: 100, timeoutMs },
  );

interface OutputLine {
  custom_id: string;
  response: { status_code: number; request_id: string; body: Record<string, unknown> } | null;
  error: { code: string } | null;
}

async function outputOf({ openai }: Client, id: string | undefined | null): Promise<OutputLine[]> {
  if (!id) return [];
  const text = await (await openai.files.content(id)).text();
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

interface LedgerRow {
  request_id: string;
  status: string;
  cost_usd: number;
}

async function ledgerOf({ tenant }: Client): Promise<LedgerRow[]> {
  const { url = '' } = gateway.apis.find((api) => !api.exited()) ?? {};
  const rows: LedgerRow[] = [];
  for (let after = ''; ; ) {
    const { body } = await send(`${url}/v1/admin/ledger?tenant_id=${tenant}&limit=100${after}`, { headers: admin });
    rows.push(...body.data);
    if (!body.has_more) return rows;
    after = `&after=${body.last_id}`;
  }
}

test('a file of requests becomes a file of answers, at half the price', async () => {
  const client = await newClient();
  const { openai } = client;
  const lines: Line[] = [
    ...linesOf(30, 'gpt-4o'),
    { custom_id: 'streams', body: { model: 'gpt-4o', prompt: 'x', stream: true } },
    { custom_id: 'unknown', body: { model: 'gpt-none', prompt: 'x' } },
    { custom_id: 'fails', body: { model: 'sandbox/status-400', prompt: 'x' } },
  ];
  const started = await startBatch(client, lines);
  expect(started).toMatchObject({ object: 'batch', status: 'validating', metadata: { a: 'b' } });
  const batch = await ended(client, started);
  expect(batch).toMatchObject({ status: 'completed', request_counts: { total: 33, completed: 30, failed: 3 } });

  const output = await outputOf(client, batch.output_file_id);
  expect(output.map(({ custom_id }) => custom_id)).toEqual(linesOf(30, '').map(({ custom_id }) => custom_id));
  for (const { response, error } of output) {
    expect([response?.status_code, error]).toEqual([200, null]);
    expect(response?.body.completion).toBeTypeOf('string');
  }
  const errors = await outputOf(client, batch.error_file_id);
  expect(errors.map(({ custom_id, response }) => [custom_id, response?.status_code])).toEqual([
    ['streams', 400],
    ['unknown', 400],
    ['fails', 502],
  ]);

  // 2.5 USD and 10 USD for a million tokens, and half of that in a batch.
  const rows = (await ledgerOf(client)).filter(({ status }) => status === 'completed');
  expect(rows).toHaveLength(30);
  const bills = await Promise.all(rows.map(({ request_id }) => gateway.sandbox.bill({ request_id })));
  for (const [index, bill] of bills.entries()) {
    const nanoUsd = (2500 * bill.prompt_tokens + 10_000 * bill.completion_tokens) / 2;
    expect(bill.calls).toBe(1);
    expect(Math.round((rows[index]?.cost_usd ?? 0) * 1e9)).toBe(nanoUsd);
  }
  const used = bills.reduce((sum, bill) => sum + bill.total_tokens, 0);
  expect(batch.usage?.total_tokens).toBe(used);

  const listed = [];
  for await (const one of openai.batches.list({ limit: 1 })) listed.push(one.id);
  expect(listed).toEqual([batch.id]);
  const files = [];
  for await (const one of openai.files.list({ limit: 2 })) files.push(one.purpose);
  expect(files.sort()).toEqual(['batch', 'batch_output', 'batch_output']);
});

test('a file with lines that are no requests fails as a whole, and each is named', async () => {
  const client = await newClient();
  const [good] = linesOf(1, 'gpt-4o') as [Line];
  const started = await startBatch(client, [good, good, { ...good, custom_id: 'b', url: '/v1/elsewhere' }]);
  const batch = await ended(client, started);
  expect(batch.status).toBe('failed');
  expect(batch.errors?.data?.map(({ code, line }) => [code, line])).toEqual([
    ['duplicate_custom_id', 2],
    ['mismatched_url', 3],
  ]);
  expect(await ledgerOf(client)).toEqual([]);
});

test('a batch that is cancelled keeps what was answered, and its end is told', async () => {
  const client = await newClient();
  const url = `${receiver.url}/batches`;
  const hook = await post(`${gateway.url}/v1/webhook-endpoints`, { url, events: ['batch.cancelled'] }, client.headers);
  expect(hook.status).toBe(201);
  const started = await startBatch(client, [...linesOf(10, 'gpt-4o'), ...linesOf(40, 'sandbox/slow-60000', 'slow')]);
  await waitFor(async () => (await client.openai.batches.retrieve(started.id)).request_counts?.completed === 10, {
    what: 'ten are done',
    timeoutMs: 30_000,
  });
  expect((await client.openai.batches.cancel(started.id)).status).toBe('cancelling');
  const batch = await ended(client, started);
  expect(batch).toMatchObject({ status: 'cancelled', request_counts: { total: 50, completed: 10, failed: 40 } });
  expect(await outputOf(client, batch.output_file_id)).toHaveLength(10);
  const errors = await outputOf(client, batch.error_file_id);
  expect(new Set(errors.map(({ error }) => error?.code))).toEqual(new Set(['batch_cancelled']));
  await waitFor(() => receiver.received.some(({ body }) => body.includes(started.id)), { what: 'the webhook' });
});

test('another tenant sees nothing of it', async () => {
  const [owner, stranger] = [await newClient(), await newClient()];
  const batch = await ended(owner, await startBatch(owner, linesOf(1, 'gpt-4o')));
  const attempts = [
    () => stranger.openai.batches.retrieve(batch.id),
    () => stranger.openai.batches.cancel(batch.id),
    () => stranger.openai.files.retrieve(batch.input_file_id),
    () => stranger.openai.files.content(batch.output_file_id ?? ''),
    () => stranger.openai.files.delete(batch.input_file_id),
  ];
  for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ status: 404 });
  await expect(
    stranger.openai.batches.create({ input_file_id: batch.input_file_id, endpoint, completion_window: '24h' }),
  ).rejects.toMatchObject({ status: 400, param: 'input_file_id' });
  expect((await stranger.openai.batches.list()).data).toEqual([]);
  expect((await stranger.openai.files.list()).data).toEqual([]);
});

test('an api process that is killed in mid-batch loses no line, and none is bought twice', async () => {
  const client = await newClient();
  const count = 120;
  const model = 'sandbox/slow-400';
  const started = await startBatch(client, linesOf(count, model));
  const completed = async (by: OpenAI) => (await by.batches.retrieve(started.id)).request_counts?.completed ?? 0;
  await waitFor(async () => (await completed(client.openai)) >= 30, { what: 'a part is done', timeoutMs: 30_000 });
  // Whichever of them works on it.
  await Promise.all(gateway.apis.map((api) => api.stop('SIGKILL')));
  const { url } = await gateway.startApi();
  const openai = client.openai.withOptions({ baseURL: `${url}/v1` });
  expect(await completed(openai)).toBeLessThan(count);

  const batch = await ended({ ...client, openai }, started, 90_000);
  expect(batch).toMatchObject({ status: 'completed', request_counts: { total: count, completed: count, failed: 0 } });
  const output = await outputOf({ ...client, openai }, batch.output_file_id);
  expect(new Set(output.map(({ custom_id }) => custom_id)).size).toBe(count);
  const bill = await gateway.sandbox.bill({ model });
  expect(bill.entries).toHaveLength(count);
  const rows = await ledgerOf(client);
  expect(rows).toHaveLength(count);
  const nanoUsd = (1000 * bill.prompt_tokens + 2000 * bill.completion_tokens) / 2;
  expect(Math.round(rows.reduce((sum, { cost_usd }) => sum + cost_usd, 0) * 1e9)).toBe(nanoUsd);
});
