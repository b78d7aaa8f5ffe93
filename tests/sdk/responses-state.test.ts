import type { ResponseStreamEvent } from 'openai/resources/responses/responses';
import { describe, expect, test } from 'vitest';
import { claude, gpt, openAI, openAICases, openAIMajors } from './clients.ts';
import { take } from './take.ts';
import { useGateway } from './use-gateway.ts';

const world = useGateway({ ABANDONED_AFTER_MS: '2000' });
const input = 'Hello again';

describe.concurrent.for(openAICases)('kept responses of $client with $model', ({ client: major, model }) => {
  const responses = () => openAI(major, world.url).responses;

  test('a response is retrieved, whole and as the stream that it was or would have been, and deleted', async () => {
    const made = await responses().create({ model, input });
    expect(await responses().retrieve(made.id)).toEqual(made);
    const events: ResponseStreamEvent[] = await take(await responses().retrieve(made.id, { stream: true }));
    expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { id: made.id, status: 'completed' } });
    const text = events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('');
    expect(text).toBe(made.output_text);
    await responses().delete(made.id);
    await expect(responses().retrieve(made.id)).rejects.toMatchObject({ status: 404 });
  });

  test('a streamed response is retrieved as it was', async () => {
    const sent: ResponseStreamEvent[] = await take(await responses().create({ model, input, stream: true }));
    const last = sent.at(-1);
    if (last?.type !== 'response.completed') throw new Error('the stream did not end with response.completed');
    const { output, status } = await responses().retrieve(last.response.id);
    expect({ output, status }).toEqual({ output: last.response.output, status: 'completed' });
    const again = await take(await responses().retrieve(last.response.id, { stream: true }));
    expect(again).toEqual(sent);
  });

  test('a stream is taken up after any event of it', async () => {
    const sent: ResponseStreamEvent[] = await take(await responses().create({ model, input, stream: true }));
    const [opening] = sent;
    if (opening?.type !== 'response.created') throw new Error('the stream did not begin with response.created');
    for (const after of [0, 3, sent.length - 3]) {
      const rest = await responses().retrieve(opening.response.id, { stream: true, starting_after: after });
      expect(await take(rest), `after ${after}`).toEqual(sent.slice(after + 1));
    }
  });

  test('a background response is queued, goes on alone, and is polled until it is there', async () => {
    const errand = world.errand();
    const begun = await responses().create({ model, input, background: true }, errand.options);
    expect(begun).toMatchObject({
      background: true,
      output: [],
      status: expect.stringMatching(/^(queued|in_progress)$/),
    });
    await expect
      .poll(() => responses().retrieve(begun.id), { timeout: 10_000 })
      .toMatchObject({ id: begun.id, status: 'completed', background: true });
    const { output_text, usage } = await responses().retrieve(begun.id);
    expect(output_text).toContain(`heard "${input}"`);
    await world.expectBilled(errand, { prompt: usage?.input_tokens, completion: usage?.output_tokens });
  });

  test('what was asked is listed, item by item', async () => {
    const turns = ['One', 'Two', 'Three'].map((content) => ({ role: 'user' as const, content }));
    const { id } = await responses().create({ model, input: turns });
    const items = await take(responses().inputItems.list(id, { order: 'asc', limit: 2 }));
    expect(items.map((item) => JSON.stringify(item))).toMatchObject([
      expect.stringContaining('One'),
      expect.stringContaining('Two'),
      expect.stringContaining('Three'),
    ]);
    expect(items.every((item) => item.type === 'message')).toBe(true);
  });
});

describe.concurrent.for(openAIMajors)('background work of %s', (major) => {
  const responses = () => openAI(major, world.url).responses;

  test.for([{ provider: 'openai' }, { provider: 'anthropic' }])(
    'a streamed background response of $provider outlives its client, and is resumed',
    async ({ provider }) => {
      const model = `${provider}/sandbox/drip-20+tokens-60`;
      const errand = world.errand();
      const body = { model, input, background: true, stream: true as const };
      const stream = await responses().create(body, errand.options);
      const seen: ResponseStreamEvent[] = [];
      for await (const event of stream) {
        seen.push(event);
        if (event.type === 'response.output_text.delta') break;
      }
      const [opening] = seen;
      if (opening?.type !== 'response.created') throw new Error('the stream did not begin with response.created');
      const after = seen.at(-1)?.sequence_number ?? 0;
      const rest = await responses().retrieve(opening.response.id, { stream: true, starting_after: after });
      const events = [...seen, ...(await take(rest))];
      expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
      const { output_text, status } = await responses().retrieve(opening.response.id);
      expect(status).toBe('completed');
      const text = events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('');
      expect(text).toBe(output_text);
      expect(await world.callsFor(errand)).toHaveLength(1);
    },
  );

  test('a background response is cancelled, once and again', async () => {
    const body = { model: 'openai/sandbox/drip-100+tokens-200', input, background: true };
    const { id } = await responses().create(body);
    await responses().cancel(id);
    await expect.poll(() => responses().retrieve(id), { timeout: 10_000 }).toMatchObject({ id, status: 'cancelled' });
    expect(await responses().cancel(id)).toMatchObject({ id, status: 'cancelled' });
  });

  test('a response in the foreground cannot be cancelled', async () => {
    const { id } = await responses().create({ model: gpt, input });
    await expect(responses().cancel(id)).rejects.toMatchObject({ status: 400, type: 'invalid_request_error' });
  });

  test('a background response must be stored', async () => {
    const body = { model: gpt, input, background: true, store: false };
    await expect(responses().create(body)).rejects.toMatchObject({
      status: 400,
      param: expect.stringMatching(/store|background/),
    });
  });

  test('previous_response_id goes on with what the provider has kept', async () => {
    const first = await responses().create({ model: gpt, input: 'My name is Ada' });
    const errand = world.errand();
    const second = await responses().create(
      { model: gpt, input: 'What is my name?', previous_response_id: first.id },
      errand.options,
    );
    expect(second.previous_response_id).toBe(first.id);
    await world.expectBilled(errand, { prompt: second.usage?.input_tokens, completion: second.usage?.output_tokens });
    expect(second.usage?.input_tokens).toBeGreaterThan(first.usage?.total_tokens ?? Infinity);
    const { body } = await world.callFor(errand);
    expect(body.previous_response_id).toMatch(/^resp_/);
    // The provider knows its own ids, not ours.
    expect(body.previous_response_id).not.toBe(first.id);
    const built = await responses()
      .stream({ model: gpt, input: 'And now?', previous_response_id: second.id })
      .finalResponse();
    expect(built).toMatchObject({ status: 'completed', previous_response_id: second.id });
  });

  test('previous_response_id is refused where it leads nowhere, and for Claude by its name', async () => {
    const unknown = 'resp_01JD0000000000000000000000';
    await expect(responses().create({ model: gpt, input, previous_response_id: unknown })).rejects.toMatchObject({
      status: 400,
      code: 'previous_response_not_found',
      param: 'previous_response_id',
    });
    const { id } = await responses().create({ model: gpt, input });
    await expect(responses().create({ model: claude, input, previous_response_id: id })).rejects.toMatchObject({
      status: 400,
      param: 'previous_response_id',
    });
  });

  test('unknown responses are not found', async () => {
    for (const id of ['resp_01JD0000000000000000000000', 'resp_nonsense']) {
      await expect(responses().retrieve(id)).rejects.toMatchObject({ status: 404, type: 'invalid_request_error' });
      await expect(responses().delete(id)).rejects.toMatchObject({ status: 404 });
      await expect(responses().inputItems.list(id)).rejects.toMatchObject({ status: 404 });
    }
  });

  test('input tokens are counted as they will be charged, without a charge', async () => {
    const body = { model: gpt, input: 'How much is this?', instructions: 'Count' };
    const counted = await responses().inputTokens.count(body);
    const { usage } = await responses().create(body);
    expect(counted.object).toBe('response.input_tokens');
    expect(Math.abs(counted.input_tokens - (usage?.input_tokens ?? 0))).toBeLessThanOrEqual(
      0.1 * counted.input_tokens + 4,
    );
  });
});
