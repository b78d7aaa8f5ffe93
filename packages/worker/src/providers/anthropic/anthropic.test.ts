import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { afterAll } from 'vitest';
import { provesConformance } from '../conformance.ts';
import type { Candidate } from '../conformance-bench.ts';
import { type NativeAsk, provesNativeConformance } from '../conformance-native.ts';
import { provesPartsConformance } from '../conformance-parts.ts';
import { createAnthropic } from './index.ts';

const counter = createTokenCounter();
afterAll(() => counter.close());

const anthropic: Candidate = {
  name: 'anthropic',
  create: (url, { apiKey = 'any-key-will-do', timeoutMs = 10_000 } = {}) =>
    createAnthropic({ name: 'anthropic', mode: 'live', apiKey, baseURL: url, timeoutMs, counter }),
  reasons: { stop: 'end_turn', length: 'max_tokens', contentFilter: 'refusal' },
  errorBody: (message) => ({ type: 'error', error: { type: 'invalid_request_error', message } }),
};

const tool = (name: string) => ({ name, input_schema: { type: 'object', properties: { q: { type: 'string' } } } });
const said = (content: string) => ({ messages: [{ role: 'user', content }] });

const messages: NativeAsk = {
  api: 'messages',
  path: '/v1/messages',
  body: (text) => ({ ...said(text), max_tokens: 500 }),
  set: { stream: true },
  wishes: {
    'several tools': { ...said('[[tools]] [[unknown]]'), tools: [tool('find'), tool('seek')] },
    thinking: { thinking: { type: 'enabled', budget_tokens: 1024 }, max_tokens: 2000 },
    'thinking before a tool': {
      ...said('[[tool]]'),
      tools: [tool('find')],
      thinking: { type: 'enabled', budget_tokens: 1024 },
      max_tokens: 2000,
    },
    'a refusal': said('[[refuse]]'),
    'a stop sequence': { stop_sequences: [' heard'] },
    'no room': { max_tokens: 3 },
  },
};

provesConformance(anthropic);
provesPartsConformance(anthropic);
provesNativeConformance(anthropic, [messages]);
