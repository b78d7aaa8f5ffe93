import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Answer } from '@llm-gateway/shared/contracts/answer';
import { expect, test } from 'vitest';
import { callProvider } from './call-provider.ts';
import type { Provider, ProviderRequest } from './providers/provider.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

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

test('nothing of a call that is over stays with the signal of the process, which outlives them all', async () => {
  const held: WeakRef<AbortSignal>[] = [];
  const provider: Provider = {
    mode: 'sandbox',
    apis: [],
    classify: () => ({ code: 'internal', detail: 'not asked for here' }),
    async *generate(_request, signal) {
      held.push(new WeakRef(signal));
      // As the Anthropic SDK does: it never takes its listener off.
      signal.addEventListener('abort', () => undefined, { once: true });
      return answer;
    },
  };
  const ofProcess = new AbortController();
  for (let call = 0; call < 20; call += 1) {
    const ofRun = AbortSignal.any([new AbortController().signal, ofProcess.signal]);
    await callProvider(provider, request, { timeoutMs: 60_000, idleMs: 60_000 }, ofRun);
  }
  for (let round = 0; round < 5; round += 1) {
    await nextTurn();
    collect();
  }
  expect(held.filter((signal) => signal.deref() !== undefined).length).toBeLessThanOrEqual(1);
});
