import type OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { anthropic, anthropicMajors, claude, gpt, openAI, openAICases, openAIMajors } from './clients.ts';
import { take } from './take.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway();

const messages = [{ role: 'user' as const, content: 'Pass [[unknown]]' }];
const unknown = { x_new: { of: ['the', 'client', null] }, x_number: 1e21 };

/** What must not leave the gateway: it is ours, or a secret, or of this connection alone. */
const kept = {
  cookie: 'session=secret',
  'x-gateway-priority': '1',
  'x-gateway-metadata': 'ours',
  'proxy-authorization': 'Basic c2VjcmV0',
  'x-forwarded-for': '203.0.113.7',
  'x-user-id': 'somebody',
  'api-key': 'secret-of-the-client',
};
const privateNames = [...Object.keys(kept), 'idempotency-key', 'prefer', 'te', 'upgrade'];

describe.for(openAIMajors)('%s, speaking to a provider of its own dialect', (major) => {
  const client = () => openAI(major, world.url, { apiKey: 'secret-of-the-client' });

  test('has members that nobody knows pass both ways in chat, whole and streamed', async () => {
    const errand = world.errand();
    const body = { model: gpt, messages, ...unknown };
    const whole = await client().chat.completions.create(body, errand.options);
    const call = await world.callFor(errand);
    expect(call.path).toBe('/v1/chat/completions');
    expect(call.body).toMatchObject({ ...unknown, messages });
    expect(whole).toHaveProperty('x_sandbox');
    expect(whole.choices[0]).toHaveProperty('x_choice');
    const [opening, ...rest] = await take(await client().chat.completions.create({ ...body, stream: true }));
    expect([opening, ...rest].some((chunk) => chunk && 'x_sandbox' in chunk)).toBe(true);
    expect([opening, ...rest].some((chunk) => chunk?.choices[0] && 'x_choice' in chunk.choices[0])).toBe(true);
  });

  test('has members that nobody knows pass both ways in responses, whole and streamed', async () => {
    const errand = world.errand();
    const body = { model: gpt, input: 'Pass [[unknown]]', ...unknown };
    const whole = await client().responses.create(body, errand.options);
    const call = await world.callFor(errand);
    expect(call.path).toBe('/v1/responses');
    expect(call.body).toMatchObject(unknown);
    expect(whole).toHaveProperty('x_sandbox');
    expect(whole.output[0]).toHaveProperty('x_item');
    const events = await take(await client().responses.create({ ...body, stream: true }));
    expect(events.at(-1)).toHaveProperty('response.x_sandbox');
    expect(events.find(({ type }) => type === 'response.output_item.done')).toHaveProperty('item.x_item');
  });

  test.for([
    ['chat', (sdk: OpenAI, options: object) => sdk.chat.completions.create({ model: gpt, messages }, options)],
    ['responses', (sdk: OpenAI, options: object) => sdk.responses.create({ model: gpt, input: 'Hello' }, options)],
    ['completions', (sdk: OpenAI, options: object) => sdk.completions.create({ model: gpt, prompt: 'Hello' }, options)],
    [
      'embeddings',
      (sdk: OpenAI, options: object) =>
        sdk.embeddings.create({ model: 'text-embedding-3-small', input: major }, options),
    ],
  ] as const)('has the provider told what it should be in %s, and no secret', async ([what, send]) => {
    const key = `once-${what}-${major.replace(' ', '-')}`;
    const errand = world.errand({ ...kept, 'idempotency-key': key, prefer: 'wait=30' });
    const withOrganization = client().withOptions({ organization: 'org-1', project: 'proj-1' });
    await send(withOrganization, errand.options);
    const { headers, header_names, credentials } = await world.callFor(errand);
    expect(headers).toMatchObject({ 'openai-organization': 'org-1', 'openai-project': 'proj-1' });
    expect(header_names.filter((name) => privateNames.includes(name.toLowerCase()))).toEqual([]);
    // The gateway's own credential is not the client's.
    expect(Object.values(credentials)).not.toContain('secret-of-the-client'.slice(-4));
  });

  test('has the gateway member of a body kept from the provider', async () => {
    const errand = world.errand();
    const gateway = { metadata: { ticket: '7' }, priority: 2 };
    const body = { model: gpt, messages, gateway };
    const { response } = await client().chat.completions.create(body, errand.options).withResponse();
    expect((await world.callFor(errand)).body).not.toHaveProperty('gateway');
    const { body: job } = await world.gateway().get(`/v1/jobs/${response.headers.get('x-job-id')}`);
    expect(job).toMatchObject({ metadata: { ticket: '7' }, priority: 2 });
  });
});

describe.for(anthropicMajors)('%s, speaking to a provider of its own dialect', (major) => {
  const client = () => anthropic(major, world.url, { apiKey: 'secret-of-the-client' });
  const version = { 'anthropic 1': '2026-10-21', 'anthropic 0': '2023-06-01' }[major];

  test('has the provider told its version and betas, and no secret', async () => {
    const errand = world.errand({ ...kept, 'idempotency-key': `once-${major.replace(' ', '-')}` });
    const body = { model: claude, max_tokens: 20, messages, betas: ['new-thing-2026-01-01', 'other-thing-2026-02-02'] };
    await client().beta.messages.create(body, errand.options);
    const { headers, header_names, credentials } = await world.callFor(errand);
    expect(headers['anthropic-version']).toBe(version);
    for (const beta of body.betas) expect(headers['anthropic-beta']).toContain(beta);
    expect(header_names.filter((name) => privateNames.includes(name.toLowerCase()))).toEqual([]);
    expect(Object.values(credentials)).not.toContain('secret-of-the-client'.slice(-4));
  });

  test('has a temperature taken, whatever the version', async () => {
    const body = { model: claude, max_tokens: 20, messages, temperature: 0.5 };
    expect(await client().messages.create(body)).toMatchObject({ type: 'message' });
  });

  test('has nothing of its headers told to OpenAI', async () => {
    const errand = world.errand({ 'anthropic-beta': 'new-thing-2026-01-01' });
    await client().messages.create({ model: gpt, max_tokens: 20, messages }, errand.options);
    expect((await world.callFor(errand)).header_names.filter((name) => name.startsWith('anthropic'))).toEqual([]);
  });
});

describe.for(openAICases)('the cache, for $client with $model', ({ client: major, model }) => {
  const completions = () => openAI(major, world.url).chat.completions;
  const marked = (what: string) => ({
    model,
    messages: [{ role: 'user' as const, content: `${what} of ${major}` }],
    temperature: 0,
  });

  test('answers an equal question at temperature 0 without a call, whole and streamed', async () => {
    const errand = world.errand();
    const body = marked('Cached');
    const first = await completions().create(body, errand.options);
    const { data: second, response } = await completions().create(body, errand.options).withResponse();
    expect(response.headers.get('cache-status')).toMatch(/^gateway; hit/);
    expect(second.choices).toEqual(first.choices);
    expect(second.usage).toEqual(first.usage);
    expect(second.id).not.toBe(first.id);
    const built = await completions().stream(body, errand.options).finalChatCompletion();
    expect(built.choices[0]?.message.content).toBe(first.choices[0]?.message.content);
    expect(built.choices[0]?.finish_reason).toBe('stop');
    expect(await world.callsFor(errand)).toHaveLength(1);
  });

  test('has what was streamed for a whole answer too', async () => {
    const errand = world.errand();
    const body = marked('Streamed first');
    const streamed = await completions().stream(body, errand.options).finalChatCompletion();
    const whole = await completions().create(body, errand.options);
    expect(whole.choices[0]?.message.content).toBe(streamed.choices[0]?.message.content);
    expect(await world.callsFor(errand)).toHaveLength(1);
  });

  test('has nothing for questions at other temperatures', async () => {
    const errand = world.errand();
    const body = { ...marked('Not cached'), temperature: 1 };
    await completions().create(body, errand.options);
    await completions().create(body, errand.options);
    expect(await world.callsFor(errand)).toHaveLength(2);
  });

  test('is not what an idempotency-key does: that brings back the very answer', async () => {
    const errand = world.errand({ 'idempotency-key': `again-${major.replace(' ', '-')}-${model}` });
    const body = { ...marked('Once'), temperature: 1 };
    const first = await completions().create(body, errand.options);
    const { data: second, response } = await completions().create(body, errand.options).withResponse();
    expect(second).toEqual(first);
    expect(response.headers.get('idempotent-replayed')).toBe('true');
    const chunks = await take(await completions().create({ ...body, stream: true }, errand.options));
    expect(new Set(chunks.map(({ id }) => id))).toEqual(new Set([first.id]));
    expect(await world.callsFor(errand)).toHaveLength(1);
  });

  test('an answer is fetched again by its id', async () => {
    const made = await completions().create(marked('Kept'));
    expect(await completions().retrieve(made.id)).toMatchObject({ ...made });
    await expect(completions().retrieve('chatcmpl-01JD0000000000000000000000')).rejects.toMatchObject({ status: 404 });
  });
});

describe.for([
  { major: 'anthropic 1' as const, model: claude },
  { major: 'anthropic 0' as const, model: gpt },
])('the cache, for $major with $model', ({ major, model }) => {
  test('answers an equal question at temperature 0 without a call, whole and streamed', async () => {
    const errand = world.errand();
    const client = anthropic(major, world.url);
    const body = {
      model,
      max_tokens: 200,
      temperature: 0,
      messages: [{ role: 'user' as const, content: `By ${major}` }],
    };
    const first = await client.messages.create(body, errand.options);
    const second = await client.messages.create(body, errand.options);
    expect(second).toEqual({ ...first, id: second.id });
    const built = await client.messages.stream(body, errand.options).finalMessage();
    expect(built).toMatchObject({ content: first.content, stop_reason: first.stop_reason });
    expect(await world.callsFor(errand)).toHaveLength(1);
  });
});

test('two responses at temperature 0 that are stored are two responses', async () => {
  const client = openAI('openai 7', world.url);
  const ids = [];
  for (const _ of [1, 2]) ids.push((await client.responses.create({ model: gpt, input: 'Equal', temperature: 0 })).id);
  expect(new Set(ids).size).toBe(2);
});
