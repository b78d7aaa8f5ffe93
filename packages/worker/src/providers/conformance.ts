import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { visibleText } from '@llm-gateway/shared/contracts/deltas';
import type { FailureCode } from '@llm-gateway/shared/contracts/failure';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type Bench,
  type Candidate,
  collect,
  neverAborted,
  openBench,
  requestOf,
  serveAlways,
} from './conformance-bench.ts';
import type { Piece } from './provider.ts';

/** What every provider must do, against the sandbox over HTTP. */
export function provesConformance(candidate: Candidate): void {
  describe(`${candidate.name} conforms`, () => {
    const bench = openBench(candidate);
    describe('an answer', () => answersTruly(candidate, bench));
    describe('a failure', () => failsClearly(candidate, bench));
    describe('an abort', () => stopsWhenTold(bench));
    describe('a secret', () => keepsSecrets(candidate, bench));
  });
}

function answersTruly({ reasons }: Candidate, { call, callsOf, billOf }: Bench): void {
  test.for(['ok', 'tokens-1', 'tokens-400', 'empty', 'drip-1+tokens-12'])(
    '%s: the deltas are the text, and its usage the bill',
    async (order) => {
      const { deltas, answer, error, requestId } = await call(order);
      expect(error).toBeUndefined();
      expect(deltas.join('')).toBe(answer?.text);
      const bill = await billOf(requestId);
      expect(bill.calls).toBe(1);
      expect(answer).toMatchObject({
        usage: {
          promptTokens: bill.prompt_tokens,
          completionTokens: bill.completion_tokens,
          totalTokens: bill.prompt_tokens + bill.completion_tokens,
        },
        usageSource: 'provider',
        providerModel: `sandbox/${order}`,
      });
    },
  );

  test('the text comes in pieces, and is what the sandbox wrote', async () => {
    const { deltas, answer } = await call('ok');
    expect(deltas.filter((delta) => delta !== '').length).toBeGreaterThan(5);
    expect(answer?.text).toMatch(/^\[sandbox\] sandbox\/ok heard "Tell me about bears 🐻\."\. .*\.$/);
  });

  test.for([
    ['ok', {}, 'stop', reasons.stop],
    ['ok', { maxTokens: 5 }, 'length', reasons.length],
    ['content-filter', {}, 'content_filter', reasons.contentFilter],
  ] as const)('%s %j ends with %s', async ([order, generation, unified, raw]) => {
    const { answer } = await call(order, generation);
    expect(answer?.finishReason).toEqual({ unified, raw });
  });

  test('stop sequences end the text before themselves', async () => {
    const { answer } = await call('ok', { stop: ['nowhere', ' heard'] });
    expect(answer?.text).toBe('[sandbox] sandbox/ok');
  });

  test("our request id reaches the provider's books, and its id of the call reaches the answer", async () => {
    const { answer, requestId } = await call('ok');
    const calls = await callsOf(requestId);
    expect(calls).toMatchObject([{ state: 'ended', outcome: 'completed', streamed: true }]);
    expect(answer?.providerRequestId).toBe(calls[0]?.call_id);
  });

  test('usage that was not reported is estimated, and says so', async () => {
    const { answer, requestId } = await call('no-usage');
    const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = await billOf(requestId);
    expect(answer).toMatchObject({ usageSource: 'estimated', usage: { promptTokens, completionTokens } });
  });
}

const failures: readonly (readonly [order: string, code: FailureCode, retryAfterMs?: number])[] = [
  ['status-400', 'provider_refused'],
  ['status-404', 'provider_refused'],
  ['status-413', 'provider_refused'],
  ['status-422', 'provider_refused'],
  ['status-401', 'provider_misconfigured'],
  ['status-403', 'provider_misconfigured'],
  ['status-402', 'provider_quota_spent'],
  ['insufficient-quota', 'provider_quota_spent'],
  ['rate-limited', 'provider_rate_limited', 1000],
  ['status-429-retry-after-0', 'provider_rate_limited', 0],
  ['status-408', 'provider_busy'],
  ['status-500', 'provider_busy'],
  ['status-503', 'provider_busy'],
  ['status-503-retry-after-7', 'provider_busy', 7000],
  ['status-529', 'provider_busy'],
  ['overloaded', 'provider_busy'],
  ['error-event', 'provider_busy'],
  ['reset', 'provider_unreachable'],
  ['reset-mid', 'provider_unreachable'],
  // A clean end without the terminal event: the connection did its part, what it carried is no answer.
  ['truncate', 'provider_bad_answer'],
  ['malformed-json', 'provider_bad_answer'],
  ['wrong-content-type', 'provider_bad_answer'],
];

function failsClearly({ create }: Candidate, { provider, call, fail }: Bench): void {
  test.for(failures)('%s becomes %s', async ([order, code, retryAfterMs]) => {
    const failure = await fail(order);
    expect(failure).toMatchObject({ code, detail: expect.stringMatching(/\.$|: ./) });
    expect(failure.retryAfterMs).toBe(retryAfterMs);
  });

  test('a refusal passes on why', async () => {
    expect((await fail('no-such-order')).detail).toContain("Unknown fault order 'no-such-order'");
  });

  test('what came before a break was given out', async () => {
    const { deltas, error } = await call('reset-mid');
    expect(error).toBeDefined();
    expect(deltas.join('')).toMatch(/^\[sandbox/);
  });

  test('a server that is not there is unreachable', async () => {
    const upstream = await serveAlways(200, {});
    await upstream.close();
    const { error } = await collect(create(upstream.url), requestOf('ok'), neverAborted);
    expect(provider().classify(error).code).toBe('provider_unreachable');
  });

  test('headers that do not come within the time limit are a timeout', async () => {
    const { error } = await collect(provider({ timeoutMs: 50 }), requestOf('hang'), neverAborted);
    expect(provider().classify(error).code).toBe('provider_timeout');
  });
}

function stopsWhenTold({ provider, callsOf }: Bench): void {
  const endOf = (requestId: string) =>
    waitFor(async () => (await callsOf(requestId)).find(({ state }) => state === 'ended'), {
      what: 'the end of the call at the sandbox',
    });

  test.for(['hang', 'slow-60000'])('%s: before the headers, it ends the call', async (order) => {
    const leaving = new AbortController();
    const request = requestOf(order);
    const pending = collect(provider(), request, leaving.signal);
    await waitFor(async () => (await callsOf(request.requestId)).length === 1, { what: 'the call at the sandbox' });
    leaving.abort('enough');
    expect(await pending).toMatchObject({ deltas: [], error: expect.anything() });
    expect(await endOf(request.requestId)).toMatchObject({ outcome: 'aborted' });
  });

  test.for(['hang-mid', 'drip-60000'])('%s: in mid-answer, it ends the call', async (order) => {
    const leaving = new AbortController();
    const request = requestOf(order);
    const stream = provider().generate(request, leaving.signal);
    let text = '';
    while (text === '') {
      const step = await stream.next();
      if (step.done) throw new Error('the answer ended before it was aborted');
      text += visibleText(step.value.deltas);
    }
    // A delta is here although the answer will never be whole: what is streamed is streamed.
    expect(await callsOf(request.requestId)).toMatchObject([{ state: 'open' }]);
    leaving.abort('enough');
    await expect(drain(stream)).rejects.toBeDefined();
    expect(await endOf(request.requestId)).toMatchObject({ outcome: 'aborted' });
  });

  test('before the call, nothing is sent', async () => {
    const request = requestOf('ok');
    expect(await collect(provider(), request, AbortSignal.abort('enough'))).toMatchObject({ error: expect.anything() });
    expect(await callsOf(request.requestId)).toEqual([]);
  });
}

async function drain(stream: AsyncGenerator<Piece, Answer>): Promise<void> {
  while (!(await stream.next()).done);
}

function keepsSecrets({ create, errorBody }: Candidate, { call, printed }: Bench): void {
  const apiKey = 'sk-conformance-0123456789abcdef';

  test.for([400, 401, 403, 404, 429, 500])('a %i that quotes the credential does not pass it on', async (status) => {
    // Once in the middle, and once where the detail is cut: half a credential is one too many.
    const quotes = `Incorrect API key provided: ${apiKey}. `.padEnd(340, 'Try another. ') + apiKey;
    const upstream = await serveAlways(status, errorBody(quotes));
    onTestFinished(upstream.close);
    const provider = create(upstream.url, { apiKey });
    const { error } = await collect(provider, requestOf('ok'), neverAborted);
    await provider.close?.();
    const failure = provider.classify(error);
    expect(failure.detail).toContain(String(status));
    expect(JSON.stringify(failure)).not.toContain('sk-conf');
    expect(failure.detail.length).toBeLessThanOrEqual(400);
  });

  test('an answer that cannot be read is not written to the log', async () => {
    await call('malformed-json');
    expect(printed()).toEqual([]);
  });
}
