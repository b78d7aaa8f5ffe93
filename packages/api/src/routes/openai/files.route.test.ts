import '@llm-gateway/testkit/provided-context';
import { randomBytes } from 'node:crypto';
import { createDatabase } from '@llm-gateway/testkit/create-database';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { makeKey, makeTenant } from '../../test/make-key.ts';
import { startTestApi, type TestApi } from '../../test/start-test-api.ts';

const maxBytes = 1_500_000;

let api: TestApi;
let drop: () => Promise<void>;
let url: string;
beforeAll(async () => {
  const database = await createDatabase(inject('databaseUrl'));
  drop = database.drop;
  api = await startTestApi({
    redisUrl: inject('redisUrl'),
    databaseUrl: database.url,
    environment: { FILE_MAX_BYTES: String(maxBytes) },
  });
  url = await api.app.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(async () => {
  await api?.close();
  await drop?.();
});

type Parts = [name: string, value: string | Blob, fileName?: string][];

const formOf = (parts: Parts) => {
  const form = new FormData();
  for (const [name, value, fileName] of parts) {
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, value, fileName ?? 'input.jsonl');
  }
  return form;
};

const upload = (parts: Parts, headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/files`, { method: 'POST', body: formOf(parts), headers });

const bytesOf = (size: number) => new Blob([randomBytes(size)]);

async function uploaded(content: Blob | string, headers: Record<string, string> = {}, name = 'input.jsonl') {
  const blob = typeof content === 'string' ? new Blob([content]) : content;
  const response = await upload(
    [
      ['file', blob, name],
      ['purpose', 'batch'],
    ],
    headers,
  );
  expect(response.status).toBe(200);
  return (await response.json()) as { id: string; expires_at: number; created_at: number };
}

const rowsOf = async (table: 'file' | 'file_chunk') => {
  const { rows } = await sql<{ count: string }>`select count(*) from ${sql.table(table)}`.execute(api.deps.database);
  return Number(rows[0]?.count);
};

describe('an upload', () => {
  test.for([0, 1, 262_143, 262_144, 262_145, 1_400_000])('of %i bytes comes back to the byte', async (size) => {
    const blob = bytesOf(size);
    const file = await uploaded(blob, {}, 'näme 1.jsonl');
    expect(file).toEqual({
      id: expect.stringMatching(/^file-[0-9A-Z]{26}$/),
      object: 'file',
      bytes: size,
      created_at: expect.any(Number),
      expires_at: file.created_at + 30 * 24 * 3600,
      filename: 'näme 1.jsonl',
      purpose: 'batch',
      status: 'processed',
    });
    const content = await fetch(`${url}/v1/files/${file.id}/content`, { headers: { accept: 'application/binary' } });
    expect(content.headers.get('content-length')).toBe(String(size));
    expect(Buffer.from(await content.arrayBuffer()).equals(Buffer.from(await blob.arrayBuffer()))).toBe(true);
    expect(await (await fetch(`${url}/v1/files/${file.id}`)).json()).toEqual(file);
  });

  test('may say its purpose first, and when it expires', async () => {
    const response = await upload([
      ['purpose', 'batch'],
      ['expires_after[anchor]', 'created_at'],
      ['expires_after[seconds]', '3600'],
      ['file', bytesOf(10)],
    ]);
    const { created_at, expires_at } = (await response.json()) as { created_at: number; expires_at: number };
    expect(expires_at - created_at).toBe(3600);
  });

  test.for<[what: string, Parts, status: number, param: string | null]>([
    ['without a purpose', [['file', bytesOf(300_000)]], 400, 'purpose'],
    [
      'for another purpose',
      [
        ['file', bytesOf(300_000)],
        ['purpose', 'vision'],
      ],
      400,
      'purpose',
    ],
    ['without a file', [['purpose', 'batch']], 400, 'file'],
    [
      'of two files',
      [
        ['file', bytesOf(10)],
        ['file', bytesOf(10)],
        ['purpose', 'batch'],
      ],
      400,
      'file',
    ],
    [
      'under another name',
      [
        ['document', bytesOf(10)],
        ['purpose', 'batch'],
      ],
      400,
      'file',
    ],
    [
      'that expires too early',
      [
        ['file', bytesOf(10)],
        ['purpose', 'batch'],
        ['expires_after[anchor]', 'created_at'],
        ['expires_after[seconds]', '60'],
      ],
      400,
      'expires_after[seconds]',
    ],
    [
      'that expires after something else',
      [
        ['file', bytesOf(10)],
        ['purpose', 'batch'],
        ['expires_after[anchor]', 'now'],
        ['expires_after[seconds]', '3600'],
      ],
      400,
      'expires_after[anchor]',
    ],
    [
      'that is too large by a byte',
      [
        ['file', bytesOf(maxBytes + 1)],
        ['purpose', 'batch'],
      ],
      413,
      'file',
    ],
    [
      'that is far too large',
      [
        ['file', bytesOf(maxBytes + 100_000)],
        ['purpose', 'batch'],
      ],
      413,
      'file',
    ],
  ])('%s is refused, and nothing of it is kept', async ([, parts, status, param]) => {
    const before = [await rowsOf('file'), await rowsOf('file_chunk')];
    const response = await upload(parts);
    expect([response.status, await response.json()]).toEqual([
      status,
      {
        error: {
          message: expect.stringContaining(param ?? ''),
          type: 'invalid_request_error',
          param,
          code: status === 413 ? 'request_too_large' : null,
        },
      },
    ]);
    expect([await rowsOf('file'), await rowsOf('file_chunk')]).toEqual(before);
  });

  test('that is no form is refused', async () => {
    const send = (type: string, body: string) =>
      fetch(`${url}/v1/files`, { method: 'POST', headers: { 'content-type': type }, body });
    expect((await send('application/json', '{}')).status).toBe(415);
    expect((await send('multipart/form-data', 'x')).status).toBe(400);
    expect(
      (
        await send(
          'multipart/form-data; boundary=b',
          '--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\nhalf',
        )
      ).status,
    ).toBe(400);
  });

  test('that is cut off leaves nothing', async () => {
    const before = await rowsOf('file');
    const abort = new AbortController();
    const boundary = 'b0undary';
    const body = new ReadableStream({
      start: (controller) =>
        controller.enqueue(
          Buffer.from(
            `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n${'x'.repeat(600_000)}`,
          ),
        ),
    });
    const sent = fetch(`${url}/v1/files`, {
      method: 'POST',
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
      body,
      duplex: 'half',
      signal: abort.signal,
    } as RequestInit).catch(() => 'cut off');
    await waitFor(async () => (await rowsOf('file')) === before + 1, { what: 'the upload has begun' });
    abort.abort();
    expect(await sent).toBe('cut off');
    await waitFor(async () => (await rowsOf('file')) === before, { what: 'the upload is removed' });
  });
});

describe('files', () => {
  test('are listed by the page, both ways', async () => {
    const ids: string[] = [];
    const key = await makeKey(api, { scopes: ['read', 'generate'] });
    await makeTenant(api, { id: 'pager' });
    const headers = (await makeKey(api, { tenant_id: 'pager', scopes: ['read', 'generate'] })).headers;
    for (let count = 0; count < 5; count += 1) ids.push((await uploaded('x', headers)).id);
    const page = async (query: string) => {
      const { data, ...rest } = (await api.get(`/v1/files${query}`, headers)).json();
      return { ids: data.map(({ id }: { id: string }) => id), ...rest };
    };
    const newest = [...ids].reverse();
    expect(await page('')).toMatchObject({ ids: newest, has_more: false, first_id: newest[0], last_id: ids[0] });
    expect(await page('?limit=2')).toMatchObject({ ids: newest.slice(0, 2), has_more: true });
    expect(await page(`?limit=2&after=${newest[1]}`)).toMatchObject({ ids: newest.slice(2, 4), has_more: true });
    expect(await page(`?limit=2&after=${newest[3]}`)).toMatchObject({ ids: newest.slice(4), has_more: false });
    expect(await page('?order=asc&purpose=batch')).toMatchObject({ ids });
    expect(await page('?purpose=batch_output')).toMatchObject({ ids: [], first_id: null });
    expect((await api.get(`/v1/files/${ids[0]}`, key.headers)).statusCode).toBe(404);
  });

  test('are gone once removed', async () => {
    const { id } = await uploaded(bytesOf(300_000));
    const before = await rowsOf('file_chunk');
    const remove = () => api.inject({ method: 'DELETE', url: `/v1/files/${id}` });
    expect((await remove()).json()).toEqual({ id, object: 'file', deleted: true });
    expect(await rowsOf('file_chunk')).toBe(before - 2);
    for (const response of [
      await remove(),
      await api.get(`/v1/files/${id}`),
      await api.get(`/v1/files/${id}/content`),
    ]) {
      expect(response.statusCode).toBe(404);
      expect(response.json()).toMatchObject({
        error: { type: 'invalid_request_error', message: expect.stringContaining(id) },
      });
    }
  });

  test('are gone once expired, and then removed', async () => {
    const { id } = await uploaded('x');
    await sql`update file set expires_at = now() where id = ${id}`.execute(api.deps.database);
    expect((await api.get(`/v1/files/${id}`)).statusCode).toBe(404);
    expect((await api.get('/v1/files')).body).not.toContain(id);
    expect(await api.deps.files.removeExpired()).toBe(1);
    expect(await api.deps.files.removeExpired()).toBe(0);
  });

  test('of a user are not there for a key that is bound to another', async () => {
    const [ann, bob] = [await makeKey(api, { user_id: 'ann' }), await makeKey(api, { user_id: 'bob' })];
    const anybody = await makeKey(api);
    const { id } = await uploaded('x', ann.headers);
    const status = async (headers: object) => (await api.get(`/v1/files/${id}`, { ...headers })).statusCode;
    expect([await status(ann.headers), await status(anybody.headers), await status(bob.headers)]).toEqual([
      200, 200, 404,
    ]);
    expect((await api.get('/v1/files', bob.headers)).body).not.toContain(id);
    const removed = await api.inject({ method: 'DELETE', url: `/v1/files/${id}`, headers: bob.headers });
    expect(removed.statusCode).toBe(404);
  });

  test("are not there in Anthropic's form", async () => {
    for (const path of ['/v1/files', '/v1/files/file_1']) {
      const response = await api.get(path, { 'anthropic-version': '2023-06-01' });
      expect([response.statusCode, response.json()]).toEqual([
        404,
        {
          type: 'error',
          error: { type: 'not_found_error', message: expect.any(String) },
          request_id: expect.any(String),
        },
      ]);
    }
  });
});

test('with Postgres away it is said that it is, and when to come again', async () => {
  const away = await startTestApi({ redisUrl: inject('redisUrl') });
  try {
    const response = await away.get('/v1/files');
    expect(response.statusCode).toBe(503);
    expect(response.headers['retry-after']).toBe('1');
    expect(response.json()).toMatchObject({ error: { type: 'server_error', code: 'overloaded' } });
  } finally {
    await away.close();
  }
});
