import type { Failure, FailureCode } from '@llm-gateway/shared/contracts/failure';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { createRandom } from '@llm-gateway/testkit/random';
import { describe, expect, test } from 'vitest';
import { createDeployments, type Rest } from './deployments.ts';
import type { Provider } from './provider.ts';

const failure = (code: FailureCode, retryAfterMs?: number): Failure => ({
  code,
  detail: 'openai answered so.',
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});

/** Deployments `a`, `b`, … that fail as told, on a clock that is set by hand. */
function bench(weights: Record<string, number>) {
  const failing = new Map<string, Failure>();
  const calls: string[] = [];
  const rests: Rest[] = [];
  const clock = { ms: 1000 };
  const closed: string[] = [];
  const members = Object.entries(weights).map(([name, weight]) => {
    const provider: Provider = {
      mode: 'live',
      apis: [],
      classify: (error) =>
        error instanceof GatewayError
          ? { ...error.failure, detail: error.failure.detail.replaceAll(`key-${name}`, '[credential]') }
          : { code: 'internal', detail: '?' },
      // biome-ignore lint/correctness/useYield: the answer is what counts here.
      async *generate() {
        calls.push(name);
        const fails = failing.get(name);
        if (fails) throw new GatewayError(fails);
        return { text: name } as never;
      },
      close: async () => void closed.push(name),
    };
    return { name, weight, provider };
  });
  const provider = createDeployments({
    members: members as never,
    onRest: (rest) => rests.push(rest),
    now: () => clock.ms,
    random: createRandom(3).next,
  });
  /** The failure of one call, or the deployment that answered. */
  async function call(deployment?: string): Promise<Failure | string> {
    try {
      const { value } = await provider
        .generate({ generation: { deployment } } as never, new AbortController().signal)
        .next();
      return (value as { text: string }).text;
    } catch (error) {
      return provider.classify(error);
    }
  }
  return { provider, call, calls, rests, failing, clock, closed };
}

test('what was made with one is gone on with there, and nowhere else', async () => {
  const { call, calls } = bench({ a: 99, b: 1 });
  for (let round = 0; round < 20; round += 1) expect(await call('b')).toBe('b');
  expect(new Set(calls)).toEqual(new Set(['b']));
  // The operator has taken it away: the provider says what that means.
  expect(await call('gone')).toMatch(/^[ab]$/);
});

test('an answer says which of several was called', async () => {
  const answerOf = async (weights: Record<string, number>) => {
    const { provider } = bench(weights);
    return (await provider.generate({ generation: {} } as never, new AbortController().signal).next()).value;
  };
  expect(await answerOf({ a: 1, b: 0.0001 })).toMatchObject({ deployment: 'a' });
  expect(await answerOf({ a: 1 })).not.toHaveProperty('deployment');
});

test('calls are shared by weight', async () => {
  const { call, calls } = bench({ a: 3, b: 1 });
  for (let round = 0; round < 2000; round += 1) await call();
  const share = calls.filter((name) => name === 'a').length / calls.length;
  // Five standard deviations.
  expect(Math.abs(share - 0.75)).toBeLessThan(0.049);
});

describe('a failure that another deployment could cure', () => {
  test.for([
    ['provider_rate_limited', undefined, 10_000],
    ['provider_rate_limited', 30_000, 30_000],
    ['provider_rate_limited', 86_400_000, 600_000],
    ['provider_busy', undefined, 10_000],
    ['provider_unreachable', undefined, 10_000],
    ['provider_timeout', undefined, 10_000],
    ['provider_misconfigured', undefined, 60_000],
    ['provider_quota_spent', undefined, 60_000],
  ] as const)('%s, retry-after %s: it rests for %i ms', async ([code, retryAfterMs, restMs]) => {
    const { call, calls, rests, failing, clock } = bench({ a: 1000, b: 1 });
    failing.set('a', failure(code, retryAfterMs));
    const failed = await call();
    expect(failed).toMatchObject({ detail: 'openai answered so.' });
    // The next attempt need not wait, and has to be made.
    expect(failed).not.toHaveProperty('retryAfterMs');
    expect((failed as Failure).code).not.toMatch(/misconfigured|quota/);
    expect(rests).toEqual([{ deployment: 'a', code, forMs: restMs }]);

    failing.clear();
    clock.ms += restMs - 1;
    for (let round = 0; round < 50; round += 1) expect(await call()).toBe('b');
    clock.ms += 1;
    for (let round = 0; round < 50; round += 1) await call();
    expect(calls.slice(51)).toContain('a');
  });
});

test.for(['provider_refused', 'provider_bad_answer', 'internal'] as const)(
  'after %s a deployment does not rest',
  async (code) => {
    const { call, rests, failing } = bench({ a: 1, b: 1 });
    failing.set('a', failure(code));
    failing.set('b', failure(code));
    expect(await call()).toEqual(failure(code));
    expect(rests).toEqual([]);
  },
);

test('when all rest, the one whose rest ends first is called, and its pause is told', async () => {
  const { call, calls, failing, clock } = bench({ a: 1000, b: 1 });
  failing.set('a', failure('provider_rate_limited', 60_000));
  failing.set('b', failure('provider_rate_limited', 20_000));
  await call();
  expect(await call()).toEqual(failure('provider_rate_limited', 20_000));
  clock.ms += 5;
  await call();
  expect(calls).toEqual(['a', 'b', 'b']);
});

test('a key that is refused ends the job only when no other key is left', async () => {
  const { call, failing } = bench({ a: 1000, b: 1 });
  failing.set('a', failure('provider_misconfigured'));
  failing.set('b', failure('provider_quota_spent'));
  expect(await call()).toMatchObject({ code: 'provider_busy' });
  expect(await call()).toMatchObject({ code: 'provider_quota_spent' });
});

test('a key that is refused does not end the job while the other one is throttled', async () => {
  const { call, failing, clock } = bench({ a: 1, b: 1000 });
  failing.set('b', failure('provider_rate_limited', 15_000));
  failing.set('a', failure('provider_misconfigured'));
  await call();
  clock.ms += 1;
  expect(await call()).toMatchObject({ code: 'provider_busy' });
});

test('a single deployment is called whatever happens, and its failures stand', async () => {
  const { call, failing, rests } = bench({ a: 1 });
  failing.set('a', failure('provider_misconfigured', 5));
  expect(await call()).toEqual(failure('provider_misconfigured', 5));
  expect(await call()).toEqual(failure('provider_misconfigured', 5));
  expect(rests).toEqual([]);
});

test('an error is read by the deployment that had it, also when a time limit is thrown in its place', async () => {
  const { provider, rests, failing } = bench({ a: 1, b: 1000 });
  failing.set('b', failure('provider_busy'));
  const limits = new AbortController();
  limits.abort(new GatewayError({ code: 'provider_timeout', detail: 'key-b was silent.' }));
  await expect(provider.generate({ generation: {} } as never, limits.signal).next()).rejects.toThrow();
  expect(provider.classify(limits.signal.reason).detail).toBe('[credential] was silent.');
  expect(rests).toEqual([{ deployment: 'b', code: 'provider_timeout', forMs: 10_000 }]);
});

test('all are closed', async () => {
  const { provider, closed } = bench({ a: 1, b: 1 });
  await provider.close?.();
  expect(closed).toEqual(['a', 'b']);
});
