import '@llm-gateway/testkit/provided-context';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { makeBatchId, makeMessageBatchId } from '@llm-gateway/shared/contracts/ids';
import { openTestLedger, type TestLedger } from '@llm-gateway/shared/ledger/test-ledger';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest';
import { createFileStore, type FileStore } from '../files/file-store.ts';
import { createStorage, type Storage } from '../storage/storage.ts';
import { createHandRunner, type HandRunner } from '../test/hand-runner.ts';
import { type Batch, hasEnded } from './batch.ts';
import { createBatchLeases } from './batch-leases.ts';
import { createBatchLines } from './batch-lines.ts';
import { type BatchStore, createBatchStore } from './batch-store.ts';
import { viewBatch } from './batch-view.ts';
import { viewMessageBatch } from './message-batch-view.ts';
import { resultLine } from './output-line.ts';
import { createPump, type Pump, type PumpOptions } from './pump.ts';
import { createBatchSweep } from './sweep.ts';

const viewer = { tenantId: 'acme' };
const endpoint = '/v1/chat/completions';

let ledger: TestLedger;
let storage: Storage;
let files: FileStore;
let batches: BatchStore;
let runner: HandRunner;
let told: string[];

beforeEach(async () => {
  ledger = await openTestLedger(inject('databaseUrl'));
  storage = createStorage(ledger.database);
  files = createFileStore(storage);
  batches = createBatchStore(storage);
  runner = createHandRunner();
  told = [];
});
afterEach(() => ledger?.close());

/** A pump of one process, which is gone when the test is. */
function startPump(changes: Partial<PumpOptions> = {}, owner = 'inst_1'): Pump {
  const lines = createBatchLines(storage);
  const pump = createPump({
    lines,
    files,
    leases: createBatchLeases(storage, owner),
    runner,
    tell: async ({ status }) => {
      told.push(status);
    },
    sweep: createBatchSweep(storage, files, lines),
    window: 100,
    lineMaxBytes: 10_000,
    tickMs: 10,
    searchMs: 20,
    log: createLogger({ service: 'test', level: 'silent' }),
    ...changes,
  });
  onTestFinished(() => pump.close());
  pump.start();
  return pump;
}

async function keep(text: string): Promise<string> {
  const writer = await files.begin({ tenant: 'acme', owner: 'ann', name: 'input.jsonl' });
  await writer.append(Buffer.from(text));
  return (await writer.finish('batch', 3600)).id;
}

const line = (number: number, changes: object = {}) =>
  JSON.stringify({ custom_id: `c${number}`, method: 'POST', url: endpoint, body: { model: 'm', number }, ...changes });

const linesOf = (count: number) => Array.from({ length: count }, (_, index) => line(index + 1)).join('\n');

async function create(input: string, changes: Partial<Parameters<BatchStore['create']>[0]> = {}): Promise<Batch> {
  return batches.create({
    id: makeBatchId(),
    tenant: 'acme',
    key: 'key_1',
    owner: 'ann',
    kind: 'openai',
    endpoint,
    input_file: await keep(input),
    metadata: '{"a":"b"}',
    ...changes,
  });
}

const createMessages = (count: number) =>
  batches.createWithLines(
    { id: makeMessageBatchId(), tenant: 'acme', key: null, owner: 'ann', kind: 'anthropic', endpoint: '/v1/messages' },
    Array.from({ length: count }, (_, index) => ({
      number: index + 1,
      customId: `c${index + 1}`,
      request: JSON.stringify({ number: index + 1 }),
    })),
  );

const read = async ({ id, kind }: Pick<Batch, 'id' | 'kind'>) => {
  const batch = await batches.find(viewer, kind, id);
  if (!batch) throw new Error(`${id} is gone`);
  return batch;
};

const ended = (batch: Batch) =>
  waitFor(
    async () => {
      const now = await read(batch);
      return hasEnded(now) && now.is_done ? now : undefined;
    },
    { what: `${batch.id} has ended` },
  );

const isSubmitted = (count: number) =>
  waitFor(() => runner.jobs.size === count, { what: `${count} lines are submitted`, intervalMs: 5 });

async function contentOf(id: string | null): Promise<Record<string, unknown>[]> {
  if (id === null) return [];
  const parts: Buffer[] = [];
  for await (const part of files.content(id)) parts.push(part);
  const text = Buffer.concat(parts).toString();
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((one) => JSON.parse(one));
}

describe('a batch', () => {
  test('runs every line once and has its answers in its output file', async () => {
    const batch = await create(`\ufeff${line(1)}\r\n\n${line(2, { custom_id: 'größe "2"' })}\n${line(3)}`);
    expect(viewBatch(batch)).toMatchObject({ status: 'validating', request_counts: { total: 0 } });
    startPump();
    await isSubmitted(3);
    expect(runner.submitted[0]).toEqual({
      batchId: batch.id,
      tenantId: 'acme',
      keyId: 'key_1',
      userId: 'ann',
      endpoint,
      number: 1,
      customId: 'c1',
      body: { model: 'm', number: 1 },
    });
    runner.end(1);
    await waitFor(async () => (await read(batch)).completed === 1, { what: 'one is counted' });
    expect(viewBatch(await read(batch))).toMatchObject({
      status: 'in_progress',
      request_counts: { total: 3, completed: 1, failed: 0 },
      output_file_id: null,
    });
    runner.end(3);
    runner.end(4, { status: 502, body: { error: { message: 'bad' } }, finalState: 'failed' });
    const after = await ended(batch);
    expect(viewBatch(after)).toMatchObject({
      status: 'completed',
      errors: null,
      request_counts: { total: 3, completed: 2, failed: 1 },
      usage: { input_tokens: 20, output_tokens: 6, total_tokens: 26 },
      metadata: { a: 'b' },
      in_progress_at: expect.any(Number),
      finalizing_at: expect.any(Number),
      completed_at: expect.any(Number),
      cancelled_at: null,
    });
    expect(await contentOf(after.output_file)).toEqual([
      {
        id: expect.stringMatching(/^batch_req_[0-9A-Z]{26}000001$/),
        custom_id: 'c1',
        response: { status_code: 200, request_id: 'req_1', body: expect.objectContaining({ answer: 1 }) },
        error: null,
      },
      expect.objectContaining({ custom_id: 'größe "2"' }),
    ]);
    expect(await contentOf(after.error_file)).toEqual([
      expect.objectContaining({
        custom_id: 'c3',
        response: { status_code: 502, request_id: 'req_4', body: { error: { message: 'bad' } } },
        error: null,
      }),
    ]);
    expect(await files.find(viewer, after.output_file ?? '')).toMatchObject({ purpose: 'batch_output', owner: 'ann' });
    expect(told).toEqual(['completed']);
    const { rows } = await sql`select 1 from batch_line`.execute(ledger.database);
    expect(rows).toEqual([]);
  });

  test('never has more in flight than its window', async () => {
    const batch = await create(linesOf(25));
    startPump({ window: 10 });
    for (let done = 0; done < 25; done += 5) {
      await isSubmitted(Math.min(10 + done, 25));
      for (let number = done + 1; number <= done + 5; number += 1) runner.end(number);
    }
    expect((await ended(batch)).completed).toBe(25);
    expect(runner.submitted).toHaveLength(25);
  });

  test.for<[what: string, input: string, errors: object[]]>([
    [
      'no JSON',
      `${line(1)}\n{"custom_id": \n[1]`,
      [
        { code: 'invalid_json_line', line: 2 },
        { code: 'invalid_json_line', line: 3 },
      ],
    ],
    ['the same custom_id', `${line(1)}\n\n${line(1)}`, [{ code: 'duplicate_custom_id', line: 3, param: 'custom_id' }]],
    ['another url', line(1, { url: '/v1/embeddings' }), [{ code: 'mismatched_url', line: 1, param: 'url' }]],
    ['no body', line(1, { body: undefined }), [{ code: 'missing_required_parameter', line: 1, param: 'body' }]],
    ['no custom_id', line(1, { custom_id: null }), [{ code: 'missing_required_parameter', param: 'custom_id' }]],
    ['a custom_id that is no text', line(1, { custom_id: 7 }), [{ code: 'invalid_parameter', param: 'custom_id' }]],
    ['a custom_id with a NUL', line(1, { custom_id: 'a\0' }), [{ code: 'invalid_parameter', param: 'custom_id' }]],
    ['another method', line(1, { method: 'GET' }), [{ code: 'invalid_parameter', line: 1, param: 'method' }]],
    ['a body that is a list', line(1, { body: [] }), [{ code: 'invalid_parameter', line: 1, param: 'body' }]],
    ['a line that is too long', line(1, { body: { text: 'x'.repeat(10_000) } }), [{ code: 'line_too_long', line: 1 }]],
    ['no lines', '\n \n', [{ code: 'empty_file', line: null, param: 'input_file_id' }]],
  ])('with %s fails before anything is run', async ([, input, errors]) => {
    const batch = await create(input);
    startPump();
    const after = await ended(batch);
    expect(viewBatch(after)).toMatchObject({
      status: 'failed',
      failed_at: expect.any(Number),
      errors: { object: 'list', data: errors },
      output_file_id: null,
      error_file_id: null,
    });
    expect(runner.submitted).toEqual([]);
    expect(told).toEqual(['failed']);
  });

  test('fails when it has too many lines, or its file is gone', async () => {
    const many = await create(linesOf(50_001));
    const gone = await create(line(1));
    await files.remove(viewer, gone.input_file ?? '');
    startPump();
    expect(JSON.parse((await ended(many)).errors ?? '')).toMatchObject([{ code: 'too_many_requests' }]);
    expect(JSON.parse((await ended(gone)).errors ?? '')).toMatchObject([{ code: 'file_not_found' }]);
    expect(runner.submitted).toEqual([]);
  });

  test('has lines that are refused in its error file, and goes on', async () => {
    const batch = await create([line(1, { body: { stream: true } }), line(2), line(3), line(4)].join('\n'));
    runner.answers = ({ number }) => {
      if (number === 2) throw new GatewayError({ code: 'budget_exceeded', detail: 'spent' });
      if (number === 3) throw new TypeError('a mistake of ours');
      return {};
    };
    startPump();
    const after = await ended(batch);
    expect(viewBatch(after)).toMatchObject({ status: 'completed', request_counts: { completed: 1, failed: 3 } });
    const errors = await contentOf(after.error_file);
    expect(errors.map(({ custom_id, response }) => [custom_id, response])).toEqual([
      [
        'c1',
        expect.objectContaining({ status_code: 400, body: { error: expect.objectContaining({ param: 'stream' }) } }),
      ],
      [
        'c2',
        expect.objectContaining({
          status_code: 429,
          body: { error: expect.objectContaining({ code: 'insufficient_quota' }) },
        }),
      ],
      ['c3', expect.objectContaining({ status_code: 500, request_id: expect.stringMatching(/^req_/) })],
    ]);
  });

  test.for(['rate_limited', 'lane_full', 'dependency_down', 'draining'] as const)(
    'waits and tries again when a line is refused as %s',
    async (code) => {
      const batch = await create(linesOf(3));
      let refusals = 3;
      runner.answers = () => {
        refusals -= 1;
        if (refusals >= 0) throw new GatewayError({ code, detail: 'later', retryAfterMs: 1 });
        return {};
      };
      startPump();
      expect(await ended(batch)).toMatchObject({ status: 'completed', completed: 3, failed: 0 });
    },
  );

  test('says of a job that was erased that its result is gone', async () => {
    const batch = await create(linesOf(2));
    startPump();
    await isSubmitted(2);
    runner.forget(1);
    runner.end(2);
    const after = await ended(batch);
    expect(await contentOf(after.error_file)).toMatchObject([{ custom_id: 'c1', response: { status_code: 410 } }]);
  });
});

test('Postgres going away in between holds a batch up, and nothing is lost or done twice', async () => {
  let isAway = false;
  let refused = 0;
  const flaky: Storage = async (run) => {
    if (!isAway) return storage(run);
    refused += 1;
    throw new GatewayError({ code: 'dependency_down', detail: 'away' });
  };
  const [lines, itsFiles] = [createBatchLines(flaky), createFileStore(flaky)];
  const batch = await create(linesOf(12));
  startPump({
    window: 5,
    lines,
    files: itsFiles,
    leases: createBatchLeases(flaky, 'inst_1'),
    sweep: createBatchSweep(flaky, itsFiles, lines),
  });
  await isSubmitted(5);
  isAway = true;
  for (const number of [1, 2, 3]) runner.end(number);
  runner.answers = () => ({});
  await waitFor(() => refused >= 3, { what: 'it is tried in vain' });
  isAway = false;
  for (const number of [4, 5]) runner.end(number);
  expect(await ended(batch)).toMatchObject({ status: 'completed', completed: 12, failed: 0 });
  expect(new Set(runner.submitted.map(({ number }) => number)).size).toBe(12);
  expect(told).toEqual(['completed']);
});

describe('an end before all is done', () => {
  test('by its owner keeps what was answered', async () => {
    const batch = await create(linesOf(6));
    startPump({ window: 4 });
    await isSubmitted(4);
    runner.end(1);
    await isSubmitted(5);
    const now = await batches.cancel(viewer, 'openai', batch.id);
    expect(viewBatch(now as Batch)).toMatchObject({ status: 'cancelling', cancelling_at: expect.any(Number) });
    const after = await ended(batch);
    expect(viewBatch(after)).toMatchObject({
      status: 'cancelled',
      cancelled_at: expect.any(Number),
      request_counts: { total: 6, completed: 1, failed: 5 },
    });
    expect(runner.cancelled).toHaveLength(4);
    expect(await contentOf(after.output_file)).toMatchObject([{ custom_id: 'c1' }]);
    expect((await contentOf(after.error_file)).map(({ error }) => error)).toEqual(
      Array.from({ length: 5 }, () => ({ code: 'batch_cancelled', message: expect.any(String) })),
    );
    expect(told).toEqual(['cancelled']);
  });

  test('by the end of its time, too', async () => {
    const batch = await create(linesOf(3));
    startPump({ window: 2 });
    await isSubmitted(2);
    runner.end(2);
    await isSubmitted(3);
    await sql`update batch set expires_at = now()`.execute(ledger.database);
    const after = await ended(batch);
    expect(viewBatch(after)).toMatchObject({
      status: 'expired',
      request_counts: { total: 3, completed: 1, failed: 2 },
    });
    expect(await contentOf(after.output_file)).toMatchObject([{ custom_id: 'c2' }]);
    expect(await contentOf(after.error_file)).toMatchObject([
      { custom_id: 'c1', response: null, error: { code: 'batch_expired' } },
      { custom_id: 'c3', response: null, error: { code: 'batch_expired' } },
    ]);
  });

  test('comes to a batch that nobody has looked at in time', async () => {
    const batch = await create(linesOf(3));
    await sql`update batch set expires_at = now()`.execute(ledger.database);
    startPump();
    expect(await ended(batch)).toMatchObject({ status: 'expired', output_file: null });
    expect(runner.submitted).toEqual([]);
  });
});

describe('of several processes', () => {
  test('each works on what no other does', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => create(linesOf(4))));
    runner.answers = () => ({});
    for (const owner of ['inst_1', 'inst_2', 'inst_3']) startPump({}, owner);
    for (const batch of all) expect(await ended(batch)).toMatchObject({ status: 'completed', completed: 4 });
    expect(runner.submitted).toHaveLength(24);
    expect(told).toHaveLength(6);
  });

  test('one takes over what another leaves, and submits nothing twice that is on record', async () => {
    const batch = await create(linesOf(8));
    const first = startPump({ window: 5 });
    await isSubmitted(5);
    await waitFor(async () => (await createBatchLines(storage).submitted(batch.id)).size === 5, { what: 'noted' });
    await first.close();
    runner.end(1);
    runner.answers = () => ({});
    startPump({ window: 5 }, 'inst_2');
    for (const number of [2, 3, 4, 5]) runner.end(number);
    expect(await ended(batch)).toMatchObject({ status: 'completed', completed: 8, failed: 0 });
    expect(runner.submitted.map(({ number }) => number).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test.for(['validating', 'finalizing', 'completed'] as const)('one takes over a batch that is %s', async (status) => {
    const batch = await create(linesOf(3));
    runner.answers = () => ({});
    const lines = createBatchLines(storage);
    if (status === 'validating') {
      // Killed in the middle of reading.
      await lines.insert(batch.id, [{ number: 1, customId: 'c1', request: '{"model":"m","number":1}' }]);
    } else {
      const file = status === 'completed' ? 'file-1' : null;
      await sql`update batch set status = ${status}, output_file = ${file}, total = 3, completed = 3,
        lease_owner = 'inst_dead', lease_until = now() + interval '100 milliseconds'`.execute(ledger.database);
    }
    startPump({}, 'inst_2');
    expect(await ended(batch)).toMatchObject({ status: 'completed', total: 3, completed: 3 });
    expect(runner.submitted).toHaveLength(status === 'validating' ? 3 : 0);
    expect(told).toEqual(['completed']);
  });

  test('one that has lost its lease lets go', async () => {
    const batch = await create(linesOf(2));
    const leases = createBatchLeases(storage, 'inst_1');
    let isLost = false;
    const look = async (id: string) => {
      const found = await leases.look(id);
      isLost ||= found === undefined;
      return found;
    };
    const pump = startPump({ window: 1, leases: { ...leases, look } });
    await isSubmitted(1);
    await sql`update batch set lease_owner = 'inst_2', lease_until = now() + interval '1 hour'`.execute(
      ledger.database,
    );
    runner.end(1);
    await waitFor(() => isLost, { what: 'the loss is noticed' });
    await pump.close();
    expect(runner.submitted).toHaveLength(1);
    expect(await read(batch)).toMatchObject({ lease_owner: 'inst_2', status: 'in_progress' });
  });
});

describe('a message batch', () => {
  test('has its results in the order of its requests', async () => {
    const batch = await createMessages(3);
    startPump();
    await isSubmitted(3);
    expect(viewMessageBatch(await read(batch))).toMatchObject({
      processing_status: 'in_progress',
      request_counts: { processing: 3, succeeded: 0 },
      results_url: null,
    });
    runner.end(3);
    runner.end(1, { body: { type: 'message', id: 'msg_1' } });
    const error = { type: 'error', error: { type: 'api_error', message: 'x' }, request_id: 'req_2' };
    runner.end(2, { status: 502, body: error, finalState: 'failed' });
    const after = await ended(batch);
    expect(viewMessageBatch(after, 'https://gateway.example')).toMatchObject({
      processing_status: 'ended',
      request_counts: { processing: 0, succeeded: 2, errored: 1, canceled: 0, expired: 0 },
      ended_at: expect.any(String),
      results_url: `https://gateway.example/v1/messages/batches/${batch.id}/results`,
    });
    const results: unknown[] = [];
    for await (const one of createBatchLines(storage).ended(batch.id)) results.push(JSON.parse(resultLine(one)));
    expect(results).toEqual([
      { custom_id: 'c1', result: { type: 'succeeded', message: { type: 'message', id: 'msg_1' } } },
      { custom_id: 'c2', result: { type: 'errored', error } },
      { custom_id: 'c3', result: { type: 'succeeded', message: expect.anything() } },
    ]);
  });

  test('that is cancelled or late says so of each request', async () => {
    const [cancelled, late] = [await createMessages(2), await createMessages(2)];
    startPump();
    await waitFor(() => runner.submitted.length === 4, { what: 'all are submitted' });
    await batches.cancel(viewer, 'anthropic', cancelled.id);
    expect(viewMessageBatch(await ended(cancelled))).toMatchObject({
      cancel_initiated_at: expect.any(String),
      request_counts: { canceled: 2, expired: 0 },
    });
    await sql`update batch set expires_at = now() where id = ${late.id}`.execute(ledger.database);
    expect(viewMessageBatch(await ended(late))).toMatchObject({ request_counts: { canceled: 0, expired: 2 } });
  });

  test('loses its results after 29 days', async () => {
    const batch = await createMessages(1);
    runner.answers = () => ({});
    const pump = startPump();
    await ended(batch);
    await pump.close();
    await sql`update batch set ended_at = now() - interval '29 days 1 second'`.execute(ledger.database);
    const lines = createBatchLines(storage);
    await createBatchSweep(storage, files, lines)();
    expect(viewMessageBatch(await read(batch))).toMatchObject({ archived_at: expect.any(String), results_url: null });
    expect(await lines.ended(batch.id).next()).toMatchObject({ done: true });
  });
});
