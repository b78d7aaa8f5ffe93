import { describe, expect, test } from 'vitest';
import { anthropic, anthropicMajors, openAI, openAIMajors } from './clients.ts';
import { take } from './take.ts';
import { type Errand, useGateway } from './use-gateway.ts';

/** So short that the client's own retries take over while the generation goes on. */
const world = useGateway({ SYNC_WAIT_MS: '400' });
const patient = { maxRetries: 5 };
const slow = 'sandbox/slow-700';

async function expectPaidOnce(errand: Errand) {
  await world.callsFor(errand);
  expect((await world.gateway().sandbox.bill({ request_id: errand.id })).calls).toBe(1);
}

async function expectOneCall(errand: Errand) {
  expect(await world.callsFor(errand)).toHaveLength(1);
  await expectPaidOnce(errand);
}

describe.concurrent.for(openAIMajors)("%s's own retries", (major) => {
  const counted = (errand: Errand) => {
    const sent: number[] = [];
    const client = openAI(major, world.url, patient).withOptions({
      fetch: (input, init) => {
        sent.push(Number(new Headers(init?.headers).get('x-stainless-retry-count')));
        return fetch(input, init);
      },
      defaultHeaders: errand.options.headers,
    });
    return { client, sent };
  };

  test.for(['openai', 'anthropic'])('get the chat completion of %s that was bought already', async (provider) => {
    const errand = world.errand();
    const { client, sent } = counted(errand);
    const messages = [{ role: 'user' as const, content: `Patience, ${major}` }];
    const { data, response } = await client.chat.completions
      .create({ model: `${provider}/${slow}`, messages })
      .withResponse();
    expect(data.choices[0]?.message.content).toContain('[sandbox]');
    expect(data.id).toBe(response.headers.get('x-job-id')?.replace('job_', 'chatcmpl-'));
    expect(sent).toEqual(sent.map((_, index) => index));
    expect(sent.length).toBeGreaterThan(1);
    await expectOneCall(errand);
  });

  test.for(['openai', 'anthropic'])('get the response of %s that was bought already', async (provider) => {
    const errand = world.errand();
    const { client, sent } = counted(errand);
    const { output_text } = await client.responses.create({
      model: `${provider}/${slow}`,
      input: `Patience, ${major}`,
    });
    expect(output_text).toContain('[sandbox]');
    expect(sent.length).toBeGreaterThan(1);
    await expectOneCall(errand);
  });

  test('get the embeddings that were bought already', async () => {
    const errand = world.errand();
    const { client, sent } = counted(errand);
    const { data } = await client.embeddings.create({
      model: `openai/${slow}`,
      input: `Patience, ${major}`,
      dimensions: 8,
    });
    expect(data[0]?.embedding).toHaveLength(8);
    expect(sent.length).toBeGreaterThan(1);
    await expectOneCall(errand);
  });

  test('are not made where the worker has tried again itself', async () => {
    const errand = world.errand();
    const { client, sent } = counted(errand);
    const body = { model: 'openai/sandbox/status-500', messages: [{ role: 'user' as const, content: 'Fail' }] };
    // With patience for all attempts of the worker's.
    const options = { headers: { ...errand.options.headers, prefer: 'wait=30' } };
    await expect(client.chat.completions.create(body, options)).rejects.toMatchObject({ status: 502 });
    expect(sent).toEqual([0]);
    expect(await world.callsFor(errand)).toHaveLength(3);
  });

  test.for(['openai', 'anthropic'])('are not needed where the worker mends a fault of %s unseen', async (provider) => {
    const messages = [{ role: 'user' as const, content: 'Mend it' }];
    const body = { model: `${provider}/sandbox/fail-once`, messages };
    const errand = world.errand({ prefer: 'wait=30' });
    const { client, sent } = counted(errand);
    const whole = await client.chat.completions.create(body);
    expect(whole.choices[0]?.finish_reason).toBe('stop');
    expect(sent).toEqual([0]);
    await expectPaidOnce(errand);

    const again = world.errand();
    const built = await counted(again).client.chat.completions.stream(body).finalChatCompletion();
    expect(built.choices[0]?.message.content).toBe(whole.choices[0]?.message.content);
    await expectPaidOnce(again);
  });

  test("get what was bought before the SDK's own patience ended", async () => {
    const errand = world.errand({ prefer: 'wait=30' });
    const { client, sent } = counted(errand);
    const body = { model: `openai/${slow}`, messages: [{ role: 'user' as const, content: `Hurry, ${major}` }] };
    const answer = await client.withOptions({ timeout: 400 }).chat.completions.create(body);
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(sent.length).toBeGreaterThan(1);
    await expectOneCall(errand);
  });

  test.for(['openai', 'anthropic'])('get the stream of %s that did not begin in time', async (provider) => {
    const errand = world.errand();
    const { client, sent } = counted(errand);
    const body = { model: `${provider}/${slow}`, messages: [{ role: 'user' as const, content: `Begin, ${major}` }] };
    const hasty = client.withOptions({ timeout: 400 });
    const chunks = await take(await hasty.chat.completions.create({ ...body, stream: true }));
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    expect(sent.length).toBeGreaterThan(1);
    await expectOneCall(errand);
  });

  test('of a stream are not needed: it waits as long as it takes', async () => {
    const errand = world.errand();
    const { client, sent } = counted(errand);
    const body = { model: `openai/${slow}`, messages: [{ role: 'user' as const, content: 'Stream' }] };
    const chunks = await take(await client.chat.completions.create({ ...body, stream: true }));
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    expect(sent).toEqual([0]);
    await expectOneCall(errand);
  });

  test('that come to an end with their patience leave an id, by which the answer is fetched', async () => {
    const errand = world.errand();
    const client = openAI(major, world.url);
    const body = { model: `openai/${slow}`, messages: [{ role: 'user' as const, content: `Later, ${major}` }] };
    const error = await client.chat.completions.create(body, errand.options).catch((thrown: unknown) => thrown);
    const { headers } = error as { headers: Headers };
    expect(error).toMatchObject({ status: 504, code: 'sync_wait_exceeded' });
    const id = headers.get('x-job-id') ?? '';
    expect(headers.get('x-should-retry')).toBe('true');
    const kept = await openAI(major, world.url, patient).chat.completions.retrieve(id.replace('job_', 'chatcmpl-'));
    expect(kept.choices[0]?.message.content).toContain('[sandbox]');
    await expectOneCall(errand);
  });
});

describe.concurrent.for(anthropicMajors)("%s's own retries", (major) => {
  test.for(['anthropic', 'openai'])('get the message of %s that was bought already', async (provider) => {
    const errand = world.errand();
    const sent: number[] = [];
    const client = anthropic(major, world.url, patient).withOptions({
      fetch: (input, init) => {
        sent.push(Number(new Headers(init?.headers).get('x-stainless-retry-count')));
        return fetch(input, init);
      },
    });
    const messages = [{ role: 'user' as const, content: `Patience, ${major}` }];
    const body = { model: `${provider}/${slow}`, max_tokens: 100, messages };
    const { content } = await client.messages.create(body, errand.options);
    expect(content).toMatchObject([{ type: 'text', text: expect.stringContaining('[sandbox]') }]);
    expect(sent.length).toBeGreaterThan(1);
    await expectOneCall(errand);

    const again = world.errand();
    const hasty = client.withOptions({ timeout: 400 });
    const streamed = { ...body, messages: [{ role: 'user' as const, content: `Begin, ${major}` }] };
    const events = await take(await hasty.messages.create({ ...streamed, stream: true }, again.options));
    expect([events.at(0)?.type, events.at(-1)?.type]).toEqual(['message_start', 'message_stop']);
    await expectOneCall(again);
  });
});

test.for([...openAIMajors])('a first request of %s is never taken for a retry', async (major) => {
  const errand = world.errand();
  const client = openAI(major, world.url);
  const body = { model: 'gpt-4o', messages: [{ role: 'user' as const, content: `Twice, ${major}` }] };
  await client.chat.completions.create(body, errand.options);
  await client.chat.completions.create(body, errand.options);
  expect(await world.callsFor(errand)).toHaveLength(2);
});
