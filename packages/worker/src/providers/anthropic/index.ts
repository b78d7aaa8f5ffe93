import Anthropic from '@anthropic-ai/sdk';
import { presentable } from '../classify-response.ts';
import { type Provider, type ProviderOptions, textPiece } from '../provider.ts';
import { createUndiciFetch } from '../undici-fetch.ts';
import { classify } from './classify.ts';
import { startAnswer } from './from-stream.ts';
import { toParams } from './to-params.ts';
import { toUsage } from './usage.ts';

/** Anthropic's messages. */
export function createAnthropic({
  name,
  mode,
  apiKey,
  baseURL,
  timeoutMs,
  counter,
  transport: { fetch, close } = createUndiciFetch(),
}: ProviderOptions): Provider {
  const client = new Anthropic({
    apiKey,
    baseURL,
    maxRetries: 0,
    timeout: timeoutMs,
    // The SDK would print what it cannot parse, which is a part of somebody's answer.
    logLevel: 'off',
    fetch,
    // The SDK's own version, 2026-10-21, answers 400 to temperature and top_p. The version before it takes them,
    // and takes the key in x-api-key.
    defaultHeaders: { 'anthropic-version': '2023-06-01', 'x-api-key': apiKey, authorization: null },
  });
  return {
    mode,
    apis: [],
    close,
    classify: (error) => presentable(classify(name, error), apiKey),
    async *generate({ model, generation, requestId, onPromptUsage }, signal) {
      const { data: events, request_id } = await client.messages
        .create(toParams(model, generation), { signal, headers: { 'X-Client-Request-Id': requestId } })
        .withResponse();
      const answer = startAnswer(generation, model.model, request_id ?? null, counter);
      for await (const event of events) {
        // Its output count is a placeholder.
        if (event.type === 'message_start') onPromptUsage?.(toUsage({ ...event.message.usage, output_tokens: 0 }));
        yield textPiece(answer.take(event));
      }
      return answer.finish();
    },
  };
}
