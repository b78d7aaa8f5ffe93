import { readFile } from 'node:fs/promises';
import type Anthropic from '@anthropic-ai/sdk';
import type OpenAI from 'openai';
import { describe, expect, vi } from 'vitest';
import { countTokens } from '../answer/tokens.ts';
import { type TestSandbox, test as withSandbox } from '../test-with-sandbox.ts';
import { faults } from './faults.ts';

interface Clients {
  openai: OpenAI;
  anthropic: Anthropic;
  sandbox: TestSandbox;
}

const test = withSandbox.extend<{ clients: Clients }>({
  clients: async ({ openai, anthropic, sandbox }, use) => use({ openai, anthropic, sandbox }),
});

/** What a caller has seen of one call: all text that came, and how it ended. */
interface Seen {
  text: string;
  finish: string | null;
  outputTokens: number | null;
  error: { status?: number; type?: string; code?: string; headers?: Headers; name?: string } | null;
}

interface Caller {
  dialect: 'openai' | 'anthropic';
  streamed: boolean;
  call(clients: Clients, model: string, seen: Seen, signal?: AbortSignal): Promise<void>;
}

const messages = [{ role: 'user' as const, content: 'Tell me about bears.' }];

const callers: Caller[] = [
  {
    dialect: 'openai',
    streamed: false,
    async call({ openai }, model, seen, signal) {
      const { choices, usage } = await openai.chat.completions.create({ model, messages }, { signal });
      seen.text = choices[0]!.message.content!;
      seen.finish = choices[0]!.finish_reason;
      seen.outputTokens = usage?.completion_tokens ?? null;
    },
  },
  {
    dialect: 'openai',
    streamed: true,
    async call({ openai }, model, seen, signal) {
      const body = { model, messages, stream: true, stream_options: { include_usage: true } } as const;
      for await (const { choices, usage } of await openai.chat.completions.create(body, { signal })) {
        seen.text += choices[0]?.delta.content ?? '';
        seen.finish = choices[0]?.finish_reason ?? seen.finish;
        seen.outputTokens = usage?.completion_tokens ?? null;
      }
    },
  },
  {
    dialect: 'anthropic',
    streamed: false,
    async call({ anthropic }, model, seen, signal) {
      const { content, stop_reason, usage } = await anthropic.messages.create(
        { model, messages, max_tokens: 500 },
        { signal },
      );
      seen.text = content.map((block) => (block.type === 'text' ? block.text : '')).join('');
      seen.finish = stop_reason;
      seen.outputTokens = usage?.output_tokens ?? null;
    },
  },
  {
    dialect: 'anthropic',
    streamed: true,
    async call({ anthropic }, model, seen, signal) {
      const body = { model, messages, max_tokens: 500, stream: true } as const;
      for await (const event of await anthropic.messages.create(body, { signal })) {
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') seen.text += event.delta.text;
        if (event.type !== 'message_delta') continue;
        seen.finish = event.delta.stop_reason;
        seen.outputTokens = event.usage?.output_tokens ?? null;
      }
    },
  },
];

const nothingSeen = (): Seen => ({ text: '', finish: null, outputTokens: null, error: null });

async function see(
  caller: Caller,
  clients: Clients,
  order: string,
  seen = nothingSeen(),
  signal?: AbortSignal,
): Promise<Seen> {
  try {
    await caller.call(clients, `sandbox/${order}`, seen, signal);
  } catch (error) {
    seen.error = error as Seen['error'];
  }
  return seen;
}

describe.for(callers.map((caller) => [`${caller.dialect} ${caller.streamed ? 'streamed' : 'whole'}`, caller] as const))(
  '%s',
  ([, caller]) => {
    const isOpenAI = caller.dialect === 'openai';
    const usualFinish = isOpenAI ? 'stop' : 'end_turn';

    test.for([
      ['status-400', 400, null],
      ['status-404', 404, null],
      ['status-500', 500, null],
      ['status-503-retry-after-7', 503, '7'],
      ['rate-limited', 429, '1'],
      ['insufficient-quota', 429, null],
      ['overloaded', isOpenAI ? 503 : 529, null],
      ['slow-20+status-418', 418, null],
    ] as const)('%s is an error %i that costs nothing', async ([order, status, retryAfter], { clients }) => {
      const { error, text } = await see(caller, clients, order);
      expect(error).toMatchObject({ status, requestID: expect.stringMatching(/^req_/) });
      expect(error!.headers!.get('retry-after')).toBe(retryAfter);
      expect(text).toBe('');
      expect(await clients.sandbox.bill()).toMatchObject({ calls: 0, total_tokens: 0 });
      expect(await clients.sandbox.calls()).toMatchObject([
        { state: 'ended', status, outcome: 'refused', fault: order },
      ]);
    });

    test('a spent quota can be told from a rate limit', async ({ clients }) => {
      const { error } = await see(caller, clients, 'insufficient-quota');
      expect(error).toMatchObject(
        isOpenAI
          ? { code: 'insufficient_quota' }
          : { type: 'rate_limit_error', errorCode: 'enforced_spend_limit_reached' },
      );
    });

    test.for([
      ['fail-once', [500, 200, 200]],
      ['fail-twice', [500, 500, 200]],
      ['fail-3-times', [500, 500, 500, 200]],
      ['rate-limited-once', [429, 200]],
      ['fail-once+rate-limited-once', [500, 429, 200]],
    ] as const)('%s answers %j, one after the other', async ([order, statuses], { clients }) => {
      for (const status of statuses) {
        const { error, finish } = await see(caller, clients, order);
        if (status === 200) expect(finish).toBe(usualFinish);
        else expect(error).toMatchObject({ status });
      }
    });

    test.for(['ok', 'echo', 'slow-30', 'drip-1'] as const)(
      '%s answers and bills what was seen',
      async (order, { clients }) => {
        const { text, finish, outputTokens, error } = await see(caller, clients, order);
        expect(error).toBe(null);
        expect(finish).toBe(usualFinish);
        expect(outputTokens).toBe(countTokens(text));
        expect(await clients.sandbox.bill()).toMatchObject({ calls: 1, completion_tokens: outputTokens });
      },
    );

    test.for([
      ['tokens-1', 1],
      ['tokens-333', 333],
      ['empty', 0],
      ['tokens-20+drip-1', 20],
    ] as const)('%s answers with %i tokens', async ([order, tokens], { clients }) => {
      const { text, outputTokens } = await see(caller, clients, order);
      expect([countTokens(text), outputTokens]).toEqual([tokens, tokens]);
      expect(await clients.sandbox.bill()).toMatchObject({ calls: 1, completion_tokens: tokens });
    });

    test('slow-300 waits before it answers', async ({ clients }) => {
      const before = performance.now();
      await see(caller, clients, 'slow-300');
      expect(performance.now() - before).toBeGreaterThan(290);
    });

    test('drip-30 waits between chunks', async ({ clients }) => {
      const before = performance.now();
      await see(caller, clients, 'drip-30+tokens-12');
      // Twelve tokens are at least four chunks, a body is at least three times 64 characters.
      expect(performance.now() - before).toBeGreaterThan(3 * 29);
    });

    test('no-usage leaves it out and bills all the same', async ({ clients }) => {
      const { text, outputTokens, finish } = await see(caller, clients, 'no-usage');
      expect([outputTokens, finish]).toEqual([null, usualFinish]);
      expect(await clients.sandbox.bill()).toMatchObject({ calls: 1, completion_tokens: countTokens(text) });
    });

    test('content-filter ends after a few words', async ({ clients }) => {
      const { text, finish, outputTokens } = await see(caller, clients, 'content-filter');
      expect(finish).toBe(isOpenAI ? 'content_filter' : 'refusal');
      expect(outputTokens).toBe(countTokens(text));
    });

    test.for(['reset', 'wrong-content-type'] as const)(
      '%s brings no answer and costs nothing',
      async (order, { clients }) => {
        const { text, finish } = await see(caller, clients, order);
        expect([text, finish]).toEqual(['', null]);
        expect(await clients.sandbox.bill()).toMatchObject({ calls: 0 });
        expect(await clients.sandbox.onlyCallEnded()).toMatchObject({ outcome: order });
      },
    );

    test.for([
      ['truncate', 'truncated'],
      ['reset-mid', 'reset'],
      ['malformed-json', 'malformed'],
    ] as const)('%s breaks off and bills what was written', async ([order, outcome], { clients }) => {
      const { text, finish, error } = await see(caller, clients, order);
      expect(finish).toBe(null);
      // A raw iterator over a stream that just ends does not notice: that is the trap.
      if (caller.streamed && order === 'truncate') expect(error).toBe(null);
      else expect(error).not.toBe(null);
      const bill = await clients.sandbox.bill();
      expect(bill.entries).toMatchObject([{ outcome, streamed: caller.streamed }]);
      expect(bill.prompt_tokens).toBeGreaterThan(0);
      expect(bill.completion_tokens).toBeGreaterThan(0);
      if (caller.streamed) expect(bill.completion_tokens).toBe(countTokens(text));
    });

    test('error-event: in a stream after a few chunks, else a 500', async ({ clients }) => {
      const { text, error } = await see(caller, clients, 'error-event');
      if (!caller.streamed) return expect(error).toMatchObject({ status: 500 });
      expect(error).toMatchObject({ status: undefined, type: isOpenAI ? 'server_error' : 'overloaded_error' });
      const bill = await clients.sandbox.bill();
      expect(bill).toMatchObject({ completion_tokens: countTokens(text), entries: [{ outcome: 'errored' }] });
    });

    test.for([
      ['hang', false],
      ['slow', false],
      ['hang-mid', true],
      ['drip-60000', true],
    ] as const)('%s ends when the client leaves; on the bill: %s', async ([order, billed], { clients }) => {
      const leaving = new AbortController();
      const seen = nothingSeen();
      const pending = see(caller, clients, order, seen, leaving.signal);
      await vi.waitFor(async () => {
        const [call] = await clients.sandbox.calls();
        expect(call).toMatchObject({ state: 'open', fault: order, billed, streamed: caller.streamed });
        if (billed && caller.streamed) expect(countTokens(seen.text)).toBe(call!.completion_tokens);
      });
      expect(await clients.sandbox.bill()).toMatchObject({ calls: 0 });
      leaving.abort();
      await pending;
      const call = await clients.sandbox.onlyCallEnded();
      expect(call.outcome).toBe('aborted');
      const { prompt_tokens, completion_tokens } = call;
      expect(await clients.sandbox.bill()).toMatchObject({ calls: billed ? 1 : 0, prompt_tokens, completion_tokens });
      expect(prompt_tokens > 0).toBe(billed);
      if (caller.streamed) expect(completion_tokens).toBe(countTokens(seen.text));
    });
  },
);

describe('orders', () => {
  const body = { model: 'gpt-4o', messages };

  test('come by header as well, beside those of the model', async ({ sandbox }) => {
    const byHeader = await sandbox.post('/v1/chat/completions', body, { 'x-sandbox-fault': 'status-503' });
    expect(byHeader.status).toBe(503);
    const both = await sandbox.post(
      '/v1/chat/completions',
      { ...body, model: 'sandbox/tokens-3' },
      { 'x-sandbox-fault': 'no-usage' },
    );
    expect(await both.json()).not.toHaveProperty('usage');
  });

  test('a misspelt one is refused, with the list of those there are', async ({ sandbox }) => {
    for (const order of ['fail-twise', 'status-200', 'slow-', 'ok+nonsense']) {
      const response = await sandbox.post('/v1/chat/completions', { ...body, model: `sandbox/${order}` });
      expect(response.status).toBe(400);
      expect(await response.text()).toContain('fail-<n>-times');
    }
  });

  test('failures are counted per request id, else per body', async ({ sandbox }) => {
    const status = async (id: string | null, content: string) => {
      const headers: Record<string, string> = id === null ? {} : { 'x-client-request-id': id };
      const asked = { model: 'sandbox/fail-once', messages: [{ role: 'user', content }] };
      return (await sandbox.post('/v1/chat/completions', asked, headers)).status;
    };
    expect([await status('a', 'one'), await status('b', 'one'), await status('a', 'two')]).toEqual([500, 500, 200]);
    expect([await status(null, 'one'), await status(null, 'two'), await status(null, 'one')]).toEqual([500, 500, 200]);
  });

  test('work for embeddings and responses too', async ({ openai }) => {
    const model = 'sandbox/overloaded';
    await expect(openai.embeddings.create({ model, input: 'bear' })).rejects.toMatchObject({ status: 503 });
    await expect(openai.responses.create({ model, input: 'bear' })).rejects.toMatchObject({ status: 503 });
    const filtered = await openai.responses.create({ model: 'sandbox/content-filter', input: 'bear' });
    expect(filtered.incomplete_details).toEqual({ reason: 'content_filter' });
    const stream = await openai.responses.create({ model: 'sandbox/error-event', input: 'bear', stream: true });
    await expect(
      (async () => {
        for await (const _event of stream);
      })(),
    ).rejects.toMatchObject({ code: 'server_error' });
  });

  test('every one of them stands in the README', async () => {
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    expect(faults.filter(({ order }) => !readme.includes(`\`${order}\``)).map(({ order }) => order)).toEqual([]);
  });
});
