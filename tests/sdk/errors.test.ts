import { adminKey, post } from '@llm-gateway/testkit/start-gateway';
import { beforeAll, describe, expect, test } from 'vitest';
import { anthropic, anthropicClass, anthropicMajors, openAI, openAIClass, openAIMajors } from './clients.ts';
import { useGateway } from './use-gateway.ts';

// One attempt: what the tests are about is how its end is told.
const world = useGateway({ AUTH_MODE: 'keys', MAX_ATTEMPTS: '1', BODY_LIMIT_BYTES: '20000' });

const keys = {
  plain: { scopes: ['generate', 'read'] },
  reader: { scopes: ['read'] },
  limited: { limits: { requests_per_minute: 0 } },
  poor: { budgets: [{ period: 'total', limit_usd: 0 }] },
  bound: { models: ['gpt-4o-mini'] },
};
type KeyName = keyof typeof keys | 'unknown';

const secrets = new Map<KeyName, string>([['unknown', 'nobodys-key']]);
beforeAll(async () => {
  for (const [name, wishes] of Object.entries(keys)) {
    const { body } = await post(`${world.url}/v1/admin/keys`, wishes, { authorization: `Bearer ${adminKey}` });
    secrets.set(name as KeyName, body.key);
  }
});

interface Case {
  what: string;
  key?: KeyName;
  model?: string;
  prompt?: string;
  headers?: Record<string, string>;
  /** In OpenAI's terms. */
  openai: { status: number; class: string; type?: string; code?: string | null };
  /** In Anthropic's. Both majors have the classes that are named alike. */
  anthropic: { status: number; class: string; type: string };
}

const cases: Case[] = [
  {
    what: 'a prompt that is none',
    prompt: '',
    openai: { status: 400, class: 'BadRequestError', type: 'invalid_request_error' },
    anthropic: { status: 400, class: 'BadRequestError', type: 'invalid_request_error' },
  },
  {
    what: 'an unknown key',
    key: 'unknown',
    openai: { status: 401, class: 'AuthenticationError', type: 'authentication_error', code: 'invalid_api_key' },
    anthropic: { status: 401, class: 'AuthenticationError', type: 'authentication_error' },
  },
  {
    what: 'a key that may not generate',
    key: 'reader',
    openai: { status: 403, class: 'PermissionDeniedError', type: 'permission_error' },
    anthropic: { status: 403, class: 'PermissionDeniedError', type: 'permission_error' },
  },
  {
    what: "a model that is not the key's",
    key: 'bound',
    openai: { status: 403, class: 'PermissionDeniedError', type: 'permission_error' },
    anthropic: { status: 403, class: 'PermissionDeniedError', type: 'permission_error' },
  },
  {
    what: 'an unknown model',
    model: 'no-such-model',
    openai: { status: 404, class: 'NotFoundError', type: 'invalid_request_error', code: 'model_not_found' },
    anthropic: { status: 404, class: 'NotFoundError', type: 'not_found_error' },
  },
  {
    what: 'a body that is too large',
    prompt: 'x'.repeat(30_000),
    openai: { status: 413, class: 'APIError', type: 'invalid_request_error', code: 'request_too_large' },
    anthropic: { status: 413, class: 'APIError', type: 'request_too_large' },
  },
  {
    what: 'a limit of the gateway',
    key: 'limited',
    openai: { status: 429, class: 'RateLimitError', type: 'rate_limit_exceeded', code: 'rate_limit_exceeded' },
    anthropic: { status: 429, class: 'RateLimitError', type: 'rate_limit_error' },
  },
  {
    what: 'a budget that is spent',
    key: 'poor',
    openai: { status: 429, class: 'RateLimitError', type: 'insufficient_quota', code: 'insufficient_quota' },
    anthropic: { status: 402, class: 'APIError', type: 'billing_error' },
  },
  {
    what: 'a limit of the provider',
    model: 'sandbox/rate-limited',
    openai: { status: 429, class: 'RateLimitError', type: 'rate_limit_exceeded' },
    anthropic: { status: 429, class: 'RateLimitError', type: 'rate_limit_error' },
  },
  {
    what: 'a refusal of the provider',
    model: 'sandbox/status-422',
    openai: { status: 422, class: 'UnprocessableEntityError', type: 'invalid_request_error' },
    anthropic: { status: 422, class: 'UnprocessableEntityError', type: 'invalid_request_error' },
  },
  {
    what: 'a model that the provider does not know',
    model: 'no-such-model-of-the-provider',
    openai: { status: 404, class: 'NotFoundError', type: 'invalid_request_error', code: 'model_not_found' },
    anthropic: { status: 404, class: 'NotFoundError', type: 'not_found_error' },
  },
  {
    what: 'a fault of the provider',
    model: 'sandbox/status-500',
    openai: { status: 502, class: 'InternalServerError', type: 'server_error', code: 'upstream_error' },
    anthropic: { status: 502, class: 'InternalServerError', type: 'api_error' },
  },
  {
    what: 'a provider that does not take our key',
    model: 'sandbox/status-401',
    openai: { status: 502, class: 'InternalServerError', type: 'server_error', code: 'upstream_error' },
    anthropic: { status: 502, class: 'InternalServerError', type: 'api_error' },
  },
  {
    what: 'a wait that is over',
    model: 'sandbox/slow-400',
    headers: { prefer: 'wait=0' },
    openai: { status: 504, class: 'InternalServerError', type: 'timeout_error', code: 'sync_wait_exceeded' },
    anthropic: { status: 504, class: 'InternalServerError', type: 'timeout_error' },
  },
];

/** What tells an SDK when to come again, or not to. */
function expectPause(headers: Headers, isHopeless: boolean): void {
  if (headers.get('x-should-retry') === 'false') return;
  expect(isHopeless, 'nothing is said that would stop the SDK').toBe(false);
  expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60);
}

/** Faults of a provider are ordered by the model's name, behind the provider whose dialect is to be spoken. */
const behind = (provider: string, model: string) => (model === 'no-such-model' ? model : `${provider}/${model}`);
const keyOf = (key: KeyName = 'plain') => ({ apiKey: secrets.get(key) ?? '' });

const openAICalls = {
  chat: (model: string, content: string) => ({ model, messages: [{ role: 'user' as const, content }] }),
  responses: (model: string, input: string) => ({ model, input }),
};

describe.concurrent.for(openAIMajors)('errors as %s sees them', (major) => {
  const providers = ['openai', 'anthropic'];
  const table = cases.flatMap((row) =>
    (row.model?.includes('/') ? providers : ['openai']).map((provider) => ({ ...row, provider })),
  );

  test.for(table)('$what ($provider)', async ({ key, model = 'gpt-4o', prompt, headers, openai, provider }) => {
    const client = openAI(major, world.url, keyOf(key));
    const said = prompt ?? 'Hello';
    const asked = behind(provider, model);
    // An embedding has no prompt that could be empty in the same way; what streams fails before it begins.
    const chat = openAICalls.chat(asked, said);
    if (prompt === '') chat.messages = [];
    const attempts = [
      (options: object) => client.chat.completions.create(chat, options),
      ...(headers ? [] : [(options: object) => client.chat.completions.create({ ...chat, stream: true }, options)]),
      ...(prompt === ''
        ? []
        : [(options: object) => client.responses.create(openAICalls.responses(asked, said), options)]),
    ];
    for (const attempt of attempts) {
      const errand = world.errand(headers);
      const error = await attempt(errand.options).then(
        () => 'an answer',
        (thrown: unknown) => thrown,
      );
      const { status, class: name, ...rest } = openai;
      expect(error).toMatchObject({ status, requestID: errand.id, ...rest });
      expect((error as Error).constructor.name).toBe(name);
      expect(error).toBeInstanceOf(openAIClass(major).APIError);
      expect((error as Error).message).toMatch(/^\d{3} \S/);
      if (status === 429) expectPause((error as { headers: Headers }).headers, openai.type === 'insufficient_quota');
    }
  });

  test('a key of idempotency that was used for another body (422), and one that is in use (409)', async () => {
    const client = openAI(major, world.url, keyOf());
    const key = `key-of-${major.replace(' ', '-')}`;
    const body = openAICalls.chat('openai/sandbox/slow-1200', 'First');
    const first = world.errand({ 'idempotency-key': key });
    const going = client.chat.completions.create(body, first.options);
    await world.gateway().sandbox.openCall(first.id);
    const strict = { headers: { 'idempotency-key': key, prefer: 'handling=strict' } };
    await expect(client.chat.completions.create(body, strict)).rejects.toBeInstanceOf(openAIClass(major).ConflictError);
    const other = client.chat.completions.create(openAICalls.chat('gpt-4o', 'Second'), first.options);
    await expect(other).rejects.toMatchObject({ status: 422, code: 'idempotency_key_reused' });
    await going;
  });
});

describe.concurrent.for(anthropicMajors)('errors as %s sees them', (major) => {
  const providers = ['anthropic', 'openai'];
  const table = cases.flatMap((row) =>
    (row.model?.includes('/') ? providers : ['anthropic']).map((provider) => ({ ...row, provider })),
  );

  test.for(table)('$what ($provider)', async ({ key, model, prompt, headers, anthropic: told, provider }) => {
    const client = anthropic(major, world.url, keyOf(key));
    const messages = prompt === '' ? [] : [{ role: 'user' as const, content: prompt ?? 'Hello' }];
    const body = { model: behind(provider, model ?? 'claude-haiku-4-5'), max_tokens: 50, messages };
    const attempts = [
      (options: object) => client.messages.create(body, options),
      ...(headers ? [] : [(options: object) => client.messages.create({ ...body, stream: true }, options)]),
    ];
    for (const attempt of attempts) {
      const errand = world.errand(headers);
      const error = await attempt(errand.options).then(
        () => 'an answer',
        (thrown: unknown) => thrown,
      );
      const { status, class: name, type } = told;
      const classes = anthropicClass(major);
      expect(error).toMatchObject({ status, requestID: errand.id, type });
      expect(error).toBeInstanceOf(classes[name as 'APIError']);
      expect((error as { error: unknown }).error).toMatchObject({
        type: 'error',
        error: { type, message: expect.stringMatching(/./) },
        request_id: errand.id,
      });
      if (status === 429) expectPause((error as { headers: Headers }).headers, false);
    }
  });

  test('a key of idempotency that was used for another body (422), and one that is in use (409)', async () => {
    const client = anthropic(major, world.url, keyOf());
    const key = `key-of-${major.replace(' ', '-')}`;
    const ask = (content: string) => ({
      model: 'anthropic/sandbox/slow-1200',
      max_tokens: 50,
      messages: [{ role: 'user' as const, content }],
    });
    const first = world.errand({ 'idempotency-key': key });
    const going = client.messages.create(ask('First'), first.options);
    await world.gateway().sandbox.openCall(first.id);
    const strict = { headers: { 'idempotency-key': key, prefer: 'handling=strict' } };
    await expect(client.messages.create(ask('First'), strict)).rejects.toBeInstanceOf(
      anthropicClass(major).ConflictError,
    );
    await expect(client.messages.create(ask('Second'), first.options)).rejects.toMatchObject({
      status: 422,
      type: 'invalid_request_error',
    });
    await going;
  });
});
