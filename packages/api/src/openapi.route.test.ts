import '@llm-gateway/testkit/provided-context';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { answered } from './test/settle-by-hand.ts';
import { type LedgerApi, startLedgerApi } from './test/start-ledger-api.ts';
import { adminKey } from './test/start-test-api.ts';

interface Operation {
  tags?: string[];
  summary?: string;
  security?: object[];
  parameters?: { name: string; in: string; required?: boolean; schema: object }[];
  requestBody?: { content: Record<string, { schema: Json }> };
  responses: Record<string, { description?: string; content?: Record<string, { schema: Json }> }>;
}
type Json = { [name: string]: unknown; $ref?: string; examples?: object[] };
interface Document {
  openapi: string;
  info: { title: string; version: string; description: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json>; securitySchemes: object };
}

let api: LedgerApi;
let document: Document;
beforeAll(async () => {
  api = await startLedgerApi({ redisUrl: inject('redisUrl'), databaseUrl: inject('databaseUrl') });
  api.answers = () => answered('x');
  const response = await api.get('/openapi.json');
  expect(response.statusCode).toBe(200);
  document = response.json();
});
afterAll(() => api?.close());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

test('is OpenAPI 3.1 with the members that it must have', () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  expect(document.info).toMatchObject({ title: 'LLM Gateway', version: expect.stringMatching(/^\d+\.\d+/) });
  expect(document.components.securitySchemes).toBeDefined();
});

test('has every route of the app but those that are hidden', () => {
  expect(
    operations()
      .map(({ method, path }) => `${method.toUpperCase()} ${path}`)
      .sort(),
  ).toEqual([
    'DELETE /v1/admin/keys/{id}',
    'DELETE /v1/admin/tenants/{id}',
    'DELETE /v1/admin/tenants/{id}/users/{user_id}',
    'DELETE /v1/cache/clear',
    'DELETE /v1/chat/completions/{id}',
    'DELETE /v1/files/{id}',
    'DELETE /v1/jobs/{id}',
    'DELETE /v1/messages/batches/{id}',
    'DELETE /v1/responses/{id}',
    'DELETE /v1/webhook-endpoints/{id}',
    'GET /',
    'GET /health',
    'GET /ready',
    'GET /v1/admin/keys',
    'GET /v1/admin/keys/{id}',
    'GET /v1/admin/ledger',
    'GET /v1/admin/summary',
    'GET /v1/admin/tenants',
    'GET /v1/admin/tenants/{id}',
    'GET /v1/admin/tenants/{id}/users/{user_id}',
    'GET /v1/batches',
    'GET /v1/batches/{id}',
    'GET /v1/cache/stats',
    'GET /v1/chat/completions',
    'GET /v1/chat/completions/{id}',
    'GET /v1/chat/completions/{id}/messages',
    'GET /v1/files',
    'GET /v1/files/{id}',
    'GET /v1/files/{id}/content',
    'GET /v1/health',
    'GET /v1/jobs',
    'GET /v1/jobs/{id}',
    'GET /v1/jobs/{id}/events',
    'GET /v1/jobs/{id}/result',
    'GET /v1/jobs/{id}/webhook-deliveries',
    'GET /v1/key',
    'GET /v1/messages/batches',
    'GET /v1/messages/batches/{id}',
    'GET /v1/messages/batches/{id}/results',
    'GET /v1/models',
    'GET /v1/models/{id}',
    'GET /v1/rate-limit/{user_id}',
    'GET /v1/responses/{id}',
    'GET /v1/responses/{id}/input_items',
    'GET /v1/usage/{user_id}',
    'GET /v1/webhook-endpoints',
    'GET /v1/webhook-endpoints/{id}',
    'GET /v1/webhook-endpoints/{id}/deliveries',
    'GET /v1/webhooks/secret',
    'PATCH /v1/admin/keys/{id}',
    'PATCH /v1/admin/tenants/{id}',
    'PATCH /v1/webhook-endpoints/{id}',
    'POST /v1/admin/budgets/write-off',
    'POST /v1/admin/keys',
    'POST /v1/admin/keys/{id}/rotate',
    'POST /v1/admin/tenants',
    'POST /v1/batches',
    'POST /v1/batches/{id}/cancel',
    'POST /v1/chat/completions',
    'POST /v1/chat/completions/{id}',
    'POST /v1/completions',
    'POST /v1/embeddings',
    'POST /v1/files',
    'POST /v1/generate',
    'POST /v1/jobs',
    'POST /v1/jobs/{id}/cancel',
    'POST /v1/jobs/{id}/release',
    'POST /v1/jobs/{id}/webhook-deliveries/{delivery_id}/redeliver',
    'POST /v1/messages',
    'POST /v1/messages/batches',
    'POST /v1/messages/batches/{id}/cancel',
    'POST /v1/messages/count_tokens',
    'POST /v1/responses',
    'POST /v1/responses/input_tokens',
    'POST /v1/responses/{id}/cancel',
    'POST /v1/webhook-endpoints',
    'POST /v1/webhook-endpoints/{id}/rotate-secret',
    'POST /v1/webhook-endpoints/{id}/test',
    'POST /v1/webhooks/secret/rotate',
    'PUT /v1/admin/tenants/{id}/users/{user_id}',
  ]);
});

test('every operation says what it is, what it takes and what it answers', () => {
  for (const { path, method, operation } of operations()) {
    const where = `${method} ${path}`;
    expect(operation.summary, where).toBeTruthy();
    expect(operation.tags?.length, where).toBe(1);
    const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    expect(
      inPath.map(({ name }) => `{${name}}`),
      where,
    ).toEqual(path.match(/\{[^}]+\}/g) ?? []);
    for (const parameter of inPath) expect(parameter.required, where).toBe(true);
    expect(Object.keys(operation.responses).length, where).toBeGreaterThan(0);
    for (const [status, { description }] of Object.entries(operation.responses)) {
      expect(status, where).toMatch(/^([1-5]\d\d|[1-5]XX|default)$/);
      expect(description, where).toBeTypeOf('string');
    }
  }
});

test('every operation takes a key but those that say how the gateway is', () => {
  const open = operations().filter(({ operation }) => operation.security?.length === 0);
  expect(open.map(({ path }) => path).sort()).toEqual(['/', '/health', '/ready', '/v1/health']);
});

test('the guide says where an SDK is pointed, how a key is sent, made and used, and where usage is found', () => {
  for (const told of [
    'http://localhost:8000/v1',
    '/v1/chat/completions',
    '/v1/responses',
    '/v1/messages',
    '/v1/batches',
    'Authorization: Bearer',
    'x-api-key',
    '/v1/admin/keys',
    '/v1/key',
    '/v1/usage/',
    'budgets',
    '402',
  ]) {
    expect(document.info.description).toContain(told);
  }
});

test('every reference leads somewhere, and every schema is used', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
    ([, name]) => name,
  );
  expect(references.length).toBeGreaterThan(0);
  for (const name of references) expect(document.components.schemas).toHaveProperty([name ?? '']);
});

test('every example of a request is accepted by its own route', async () => {
  let tried = 0;
  // What is accepted need not be answered: each dialect has answers of its own.
  const headers = { 'x-api-key': adminKey, prefer: 'respond-async' };
  const input = await api.deps.files.begin({ tenant: 'default', owner: 'admin', name: 'input.jsonl' });
  await input.finish('batch', 3600);
  for (const { path, method, operation } of operations()) {
    const schema = operation.requestBody?.content['application/json']?.schema;
    if (!schema) continue;
    const target =
      schema.$ref === undefined ? schema : document.components.schemas[schema.$ref.split('/').at(-1) ?? ''];
    expect(target?.examples?.length, `${method} ${path} has an example`).toBeGreaterThan(0);
    for (const example of target?.examples ?? []) {
      const payload = 'input_file_id' in example ? { ...example, input_file_id: input.id } : example;
      const response = await api.inject({ method: method.toUpperCase() as 'POST', url: path, payload, headers });
      // Where the path names something that is not there, the body has been read before that was found.
      const accepted = path.includes('{') ? [404] : [200, 201, 202];
      expect(accepted, `${method} ${path} ${JSON.stringify(payload)}`).toContain(response.statusCode);
      tried += 1;
    }
  }
  expect(tried).toBeGreaterThan(0);
});

test('the answer of /v1/generate is told with its nine members as required', () => {
  const schema = document.components.schemas.GenerateAnswer;
  expect(schema?.required).toEqual(
    expect.arrayContaining([
      'completion',
      'model',
      'total_tokens',
      'prompt_tokens',
      'completion_tokens',
      'cost_usd',
      'request_id',
      'cached',
      'latency_ms',
    ]),
  );
});

test('/docs shows it', async () => {
  const response = await api.inject({ method: 'GET', url: '/docs/' });
  expect(response.statusCode).toBe(200);
  expect(response.body).toContain('swagger');
});
