import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { afterAll } from 'vitest';
import { provesConformance } from '../conformance.ts';
import { createAnthropic } from './index.ts';

const counter = createTokenCounter();
afterAll(() => counter.close());

provesConformance({
  name: 'anthropic',
  create: (url, { apiKey = 'any-key-will-do', timeoutMs = 10_000 } = {}) =>
    createAnthropic({ name: 'anthropic', mode: 'live', apiKey, baseURL: url, timeoutMs, counter }),
  reasons: { stop: 'end_turn', length: 'max_tokens', contentFilter: 'refusal' },
  errorBody: (message) => ({ type: 'error', error: { type: 'invalid_request_error', message } }),
});
