import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { callProvider } from './call-provider.ts';
import { Interruption } from './interruption.ts';
import type { Provider, ProviderRequest } from './providers/provider.ts';
import { textPiece } from './test-pieces.ts';

const answer: Answer = {
  text: 'Hi.',
  finishReason: { unified: 'stop', raw: 'stop' },
  usage: { promptTokens: 1, completionTokens: 1, totalTokens: 2 },
  usageSource: 'provider',
  providerModel: 'm',
  providerRequestId: null,
};
const request: ProviderRequest = {
  model: { id: 'sandbox/m', provider: 'sandbox', model: 'm', known: false },
  generation: { messages: [{ role: 'user', text: 'Hello' }] },
  requestId: 'req_1',
};
const limits = { timeoutMs: 1000, idleMs: 300 };
const neverAborted = new AbortController().signal;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Waits as an SDK does: it ends with an error of its own as soon as the signal says so. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  setTimeout(resolve, ms);
  signal.addEventListener('abort', () => reject(new DOMException('This operation was aborted', 'AbortError')));
  return promise;
}

/** Yields each text after its pause, then the answer; `heard` collects what the signal came to. */
function speaks(steps: readonly (readonly [pauseMs: number, text: string])[], lastPauseMs = 0) {
  const heard: unknown[] = [];
  const provider: Provider = {
    mode: 'sandbox',
    apis: [],
    classify: () => ({ code: 'internal', detail: 'not asked for here' }),
    async *generate(_request, signal) {
      signal.addEventListener('abort', () => heard.push(signal.reason));
      for (const [pauseMs, text] of steps) {
        await pause(pauseMs, signal);
        yield textPiece(text);
      }
      await pause(lastPauseMs, signal);
      return answer;
    },
  };
  return { provider, heard };
}

/** The outcome of a call, with the clock turned on to its end. */
async function outcomeOf(call: Promise<unknown>) {
  const settled = call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  await vi.runAllTimersAsync();
  return settled;
}

const timeout = (words: string) => ({
  error: expect.objectContaining({
    failure: { code: 'provider_timeout', detail: expect.stringContaining(words) },
  }),
});

test('the answer comes with its times', async () => {
  const { provider, heard } = speaks(
    [
      [20, 'H'],
      [30, 'i.'],
    ],
    50,
  );
  const outcome = await outcomeOf(callProvider(provider, request, limits, neverAborted));
  expect(outcome).toEqual({ value: { answer, callMs: 100, firstTokenMs: 20 } });
  expect(heard).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test.for([
  [
    'signs of life without text are no token',
    [
      [20, ''],
      [30, ''],
      [40, 'Hi.'],
    ],
    90,
  ],
  [
    'nor is an answer without text',
    [
      [20, ''],
      [30, ''],
    ],
    null,
  ],
] as const)('%s', async ([, steps, firstTokenMs]) => {
  const { provider } = speaks(steps);
  expect(await outcomeOf(callProvider(provider, request, limits, neverAborted))).toMatchObject({
    value: { firstTokenMs },
  });
});

test.for([
  ['before the first token', [], 301],
  ['in mid-answer', [[200, 'H']], 301],
  [
    'after a sign of life',
    [
      [200, 'H'],
      [250, ''],
    ],
    301,
  ],
] as const)('silence %s is cut', async ([, steps, lastPauseMs]) => {
  const { provider, heard } = speaks(steps, lastPauseMs);
  expect(await outcomeOf(callProvider(provider, request, limits, neverAborted))).toEqual(timeout('silent for 300 ms'));
  expect(heard).toHaveLength(1);
});

test('silence just short of the limit is borne', async () => {
  const { provider } = speaks(
    [
      [299, 'H'],
      [299, ''],
    ],
    299,
  );
  expect(await outcomeOf(callProvider(provider, request, limits, neverAborted))).toMatchObject({
    value: { callMs: 897 },
  });
});

test('a provider that never stops talking is cut at the total limit', async () => {
  const { provider, heard } = speaks(Array.from({ length: 100 }, () => [100, 'la'] as const));
  const startedMs = performance.now();
  expect(await outcomeOf(callProvider(provider, request, limits, neverAborted))).toEqual(
    timeout('did not finish within 1000 ms'),
  );
  expect(performance.now() - startedMs).toBe(1000);
  expect(heard).toHaveLength(1);
});

test.for(['lock-lost', 'draining'])('%s interrupts, and the interruption says so', async (reason) => {
  const { provider, heard } = speaks([[100, 'H']], 250);
  const giveUp = new AbortController();
  setTimeout(() => giveUp.abort(reason), 150);
  const startedMs = performance.now();
  const { error } = (await outcomeOf(callProvider(provider, request, limits, giveUp.signal))) as {
    error: Interruption;
  };
  expect(error).toBeInstanceOf(Interruption);
  expect(error.reason).toBe(reason);
  expect(heard).toEqual([reason]);
  expect(performance.now() - startedMs).toBe(350); // the last pause of the fake; the call has left no timer behind
});

test('an interruption counts, whatever the provider makes of it', async () => {
  const giveUp = new AbortController();
  const provider: Provider = {
    ...speaks([]).provider,
    async *generate(_request, signal) {
      yield textPiece('H');
      giveUp.abort('draining');
      expect(signal.aborted).toBe(true);
      throw new GatewayError({ code: 'provider_bad_answer', detail: 'The answer ended before it was complete.' });
    },
  };
  expect(await outcomeOf(callProvider(provider, request, limits, giveUp.signal))).toEqual({
    error: expect.any(Interruption),
  });
});

test('a call that is over before it begins', async () => {
  const { provider } = speaks([[10, 'H']]);
  const outcome = await outcomeOf(callProvider(provider, request, limits, AbortSignal.abort('draining')));
  expect(outcome).toMatchObject({ error: { name: 'Interruption', reason: 'draining' } });
});

test("an error of the provider's passes unchanged", async () => {
  const error = new SyntaxError('Unexpected end of JSON input');
  const provider: Provider = {
    ...speaks([]).provider,
    // biome-ignore lint/correctness/useYield: it fails before it says anything
    async *generate() {
      throw error;
    },
  };
  const outcome = await outcomeOf(callProvider(provider, request, limits, neverAborted));
  expect(outcome).toEqual({ error });
  expect((outcome as { error: unknown }).error).toBe(error);
  expect(vi.getTimerCount()).toBe(0);
});
