import { provesConformance } from '../conformance.ts';
import { createAnthropic } from './index.ts';

provesConformance({
  name: 'anthropic',
  create: (url, { apiKey = 'any-key-will-do', timeoutMs = 10_000 } = {}) =>
    createAnthropic({ name: 'anthropic', mode: 'live', apiKey, baseURL: url, timeoutMs }),
  reasons: { stop: 'end_turn', length: 'max_tokens', contentFilter: 'refusal' },
  errorBody: (message) => ({ type: 'error', error: { type: 'invalid_request_error', message } }),
});
