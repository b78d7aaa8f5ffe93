import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { writtenText } from '@llm-gateway/shared/contracts/deltas';
import type { FailureCode } from '@llm-gateway/shared/contracts/failure';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import type { NativeApi } from '@llm-gateway/shared/contracts/native-body';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { describe, expect, test } from 'vitest';
import { type Bench, type Candidate, neverAborted, openBench, requestOf } from './conformance-bench.ts';
import type { JsonObject } from './json-object.ts';

/** How a client asks in one of the provider's own dialects. */
export interface NativeAsk {
  api: NativeApi;
  /** Of the sandbox. */
  path: string;
  /** A body that asks for a text. */
  body: (text: string) => JsonObject;
  /** More that a client may ask for, each as members of the body. */
  wishes: Readonly<Record<string, JsonObject>>;
  /** What is set in the body when it is sent. */
  set: JsonObject;
  /** Never streamed: nothing to cut, nothing to follow. */
  isWhole?: boolean;
}

/** What every provider must do with the body of a client that speaks its dialect. */
export function provesNativeConformance(candidate: Candidate, asks: readonly NativeAsk[]): void {
  describe.for(asks.map((ask) => [`${candidate.name} ${ask.api}`, ask] as const))('%s', ([, ask]) => {
    const bench = openBench(candidate);
    describe('a body', () => passesBodies(ask, bench));
    describe('an answer', () => answersNatively(ask, bench));
    describe('a failure', () => failsNatively(ask, bench));
    if (!ask.isWhole) describe('an abort', () => stopsNatively(ask, bench));
  });
}

const nativeOf = ({ api }: NativeAsk, body: JsonObject, headers?: Record<string, string>): Partial<Generation> => ({
  native: { api, body, ...(headers ? { headers } : {}) },
});

function passesBodies(ask: NativeAsk, { call, sentBy, provider }: Bench): void {
  test('the provider says that it takes it', () => {
    expect(provider().apis).toContain(ask.api);
  });

  test('it arrives as it was written, with members that nobody knows', async () => {
    const strange = { x_top: { deep: [1, null, { a: '🐻' }] }, x_null: null, metadata: { user_id: 'u' } };
    const body = { ...ask.body('Hello'), ...strange, model: 'as the client calls it' };
    const { error, requestId } = await call('ok', nativeOf(ask, body));
    expect(error).toBeUndefined();
    const { path, body: sent } = await sentBy(requestId);
    expect(path).toBe(ask.path);
    expect(sent).toEqual({ ...body, model: 'sandbox/ok', ...ask.set });
  });

  test("the client's headers go with it, and our credential", async () => {
    const headers = { 'anthropic-beta': 'a-2026-01-01', 'openai-organization': 'org-1', 'openai-project': 'proj-1' };
    const { requestId } = await call('ok', nativeOf(ask, ask.body('Hello'), headers));
    const sent = await sentBy(requestId);
    expect(sent.headers).toMatchObject(headers);
    expect(Object.values(sent.credentials)).toEqual(['l-do']);
  });
}

// Of a request's own, and what only one of a stream and a whole has: a chat's stream has no word for no annotations.
const incomparable = ['id', 'call_id', 'created', 'created_at', 'completed_at', 'x_delta', 'annotations'];

const comparable = (body: unknown): unknown =>
  JSON.parse(JSON.stringify(body), (key, value) =>
    incomparable.includes(key) && !(key === 'annotations' && value.length > 0) ? undefined : value,
  );

function answersNatively(ask: NativeAsk, { call, ask: askSandbox, billOf }: Bench): void {
  const wishes = Object.entries({ 'a text': {}, ...ask.wishes });
  test.for(wishes)('%s: its events make the object that is answered unstreamed', async ([, wish]) => {
    const body = { ...ask.body('Tell me about bears 🐻. [[unknown]]'), ...wish };
    const { pieces, answer, error, requestId } = await call('ok', nativeOf(ask, body));
    expect(error).toBeUndefined();
    const whole = await askSandbox(ask.path, { ...body, model: 'sandbox/ok' });
    expect(answer?.native?.api).toBe(ask.api);
    expect(comparable(answer?.native?.body)).toEqual(comparable(whole));
    expect(pieces.every(({ frame }) => frame !== undefined)).toBe(true);
    if (ask.isWhole) expect(pieces).toEqual([]);
    const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = await billOf(requestId);
    expect(answer).toMatchObject({ usageSource: 'provider', usage: { promptTokens, completionTokens } });
  });

  test('its deltas say what the answer does', async () => {
    const { deltas, answer } = await call('ok', nativeOf(ask, ask.body('Hello')));
    expect(deltas.join('')).toBe(answer?.text);
    expect(answer?.finishReason.unified).toBe('stop');
    if (!ask.isWhole) expect(deltas.filter((text) => text !== '').length).toBeGreaterThan(3);
  });

  test('usage that is not told is estimated, to the token where it is one text', async () => {
    const { answer, requestId } = await call('no-usage', nativeOf(ask, ask.body('Hello')));
    expect(answer?.usageSource).toBe('estimated');
    expect(answer?.usage.completionTokens).toBe((await billOf(requestId)).completion_tokens);
  });
}

const failures: readonly (readonly [order: string, code: FailureCode])[] = [
  ['status-400', 'provider_refused'],
  ['status-401', 'provider_misconfigured'],
  ['insufficient-quota', 'provider_quota_spent'],
  ['rate-limited', 'provider_rate_limited'],
  ['status-500', 'provider_busy'],
  ['overloaded', 'provider_busy'],
  ['error-event', 'provider_busy'],
  ['reset', 'provider_unreachable'],
  ['reset-mid', 'provider_unreachable'],
  ['malformed-json', 'provider_bad_answer'],
  ['wrong-content-type', 'provider_bad_answer'],
];

function failsNatively(ask: NativeAsk, { fail, call }: Bench): void {
  test.for(failures)('%s becomes %s', async ([order, code]) => {
    expect(await fail(order, nativeOf(ask, ask.body('Hello')))).toMatchObject({ code });
  });

  test('a refusal tells how the provider put it', async () => {
    const { code, refusal } = await fail('status-422', nativeOf(ask, ask.body('Hello')));
    expect([code, refusal?.status]).toEqual(['provider_refused', 422]);
  });

  test.skipIf(ask.isWhole)('a stream that is cut is no answer, and what came of it was given out', async () => {
    const { pieces, answer } = await call('truncate', nativeOf(ask, ask.body('Hello')));
    expect(answer).toBeUndefined();
    expect(
      pieces
        .flatMap(({ deltas }) => deltas)
        .map(writtenText)
        .join(''),
    ).toMatch(/^\[sandbox/);
  });
}

function stopsNatively(ask: NativeAsk, { provider, callsOf }: Bench): void {
  test('in mid-answer, the call ends, and what was so far is an object of the provider', async () => {
    const leaving = new AbortController();
    let soFar: (() => NonNullable<Answer['native']>) | undefined;
    const request = {
      ...requestOf('hang-mid', nativeOf(ask, ask.body('Hello'))),
      onNative: (given: () => NonNullable<Answer['native']>) => {
        expect(soFar).toBeUndefined();
        soFar = given;
      },
    };
    const stream = provider().generate(request, leaving.signal);
    let text = '';
    while (!text.includes('[sandbox')) {
      const step = await stream.next();
      if (step.done) throw new Error('the answer ended before it was aborted');
      text += step.value.deltas.map(writtenText).join('');
    }
    const { api, body } = soFar?.() ?? {};
    expect(api).toBe(ask.api);
    // Told in JSON, since it goes to a log.
    expect(JSON.stringify(body)).toContain(JSON.stringify(text).slice(1, -1));
    expect(await callsOf(request.requestId)).toMatchObject([{ state: 'open' }]);
    leaving.abort('enough');
    await expect(drain(stream)).rejects.toBeDefined();
    const ended = async () => (await callsOf(request.requestId)).find(({ state }) => state === 'ended');
    expect(await waitFor(ended, { what: 'the end of the call at the sandbox' })).toMatchObject({ outcome: 'aborted' });
  });

  test('before the call, nothing is sent', async () => {
    const request = requestOf('ok', nativeOf(ask, ask.body('Hello')));
    await expect(drain(provider().generate(request, AbortSignal.abort('enough')))).rejects.toBeDefined();
    expect(await callsOf(request.requestId)).toEqual([]);
  });

  test('with nobody who asks for it, all goes on', async () => {
    const request = requestOf('ok', nativeOf(ask, ask.body('Hello')));
    await expect(drain(provider().generate(request, neverAborted))).resolves.toBeUndefined();
  });
}

async function drain(stream: AsyncGenerator<unknown, unknown>): Promise<void> {
  while (!(await stream.next()).done);
}
