import OpenAI from 'openai';
import { presentable } from '../classify-response.ts';
import { type Provider, type ProviderOptions, textPiece } from '../provider.ts';
import { createUndiciFetch } from '../undici-fetch.ts';
import { classify } from './classify.ts';
import { startAnswer } from './from-stream.ts';
import { toParams } from './to-params.ts';

/** OpenAI, and whatever speaks its chat completions. */
export function createOpenAI({
  name,
  mode,
  apiKey,
  baseURL,
  timeoutMs,
  counter,
  transport: { fetch, close } = createUndiciFetch(),
}: ProviderOptions): Provider {
  // The SDK would print what it cannot parse, which is a part of somebody's answer.
  const client = new OpenAI({ apiKey, baseURL, maxRetries: 0, timeout: timeoutMs, logLevel: 'off', fetch });
  return {
    mode,
    apis: [],
    close,
    classify: (error) => presentable(classify(name, error), apiKey),
    async *generate({ model, generation, requestId }, signal) {
      const { data: chunks, request_id } = await client.chat.completions
        .create(toParams(model, generation), { signal, headers: { 'X-Client-Request-Id': requestId } })
        .withResponse();
      const answer = startAnswer(generation, model.model, request_id, counter);
      for await (const chunk of chunks) yield textPiece(answer.take(chunk));
      return answer.finish();
    },
  };
}
