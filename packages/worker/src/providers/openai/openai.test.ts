import { createTokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { afterAll } from 'vitest';
import { provesConformance } from '../conformance.ts';
import type { Candidate } from '../conformance-bench.ts';
import { provesNativeConformance } from '../conformance-native.ts';
import { provesPartsConformance } from '../conformance-parts.ts';
import { createOpenAI } from './index.ts';
import { openAIAsks } from './openai-asks.ts';

const counter = createTokenCounter();
afterAll(() => counter.close());

const openai: Candidate = {
  name: 'openai',
  create: (url, { apiKey = 'any-key-will-do', timeoutMs = 10_000 } = {}) =>
    createOpenAI({ name: 'openai', mode: 'live', apiKey, baseURL: `${url}/v1`, timeoutMs, counter }),
  reasons: { stop: 'stop', length: 'length', contentFilter: 'content_filter' },
  errorBody: (message) => ({ error: { message, type: 'invalid_request_error', param: null, code: null } }),
};

provesConformance(openai);
provesPartsConformance(openai);
provesNativeConformance(openai, openAIAsks);
