import { openAIApis } from '@llm-gateway/shared/contracts/native-body';
import OpenAI from 'openai';
import { presentable } from '../classify-response.ts';
import { objectOf } from '../json-object.ts';
import type { Provider, ProviderOptions } from '../provider.ts';
import { createUndiciFetch } from '../undici-fetch.ts';
import { callNative } from './call-native.ts';
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
  apis = openAIApis,
  transport: { fetch, close } = createUndiciFetch(),
}: ProviderOptions): Provider {
  // The SDK would print what it cannot parse, which is a part of somebody's answer.
  const client = new OpenAI({ apiKey, baseURL, maxRetries: 0, timeout: timeoutMs, logLevel: 'off', fetch });
  return {
    mode,
    apis,
    close,
    classify: (error) => presentable(classify(name, error), apiKey),
    async *generate(request, signal) {
      const { model, generation, requestId } = request;
      const { native } = generation;
      if (native && apis.includes(native.api)) {
        return yield* callNative({ client, provider: name, counter }, native, request, signal);
      }
      const { data: chunks, request_id } = await client.chat.completions
        .create(toParams(model, generation), { signal, headers: { 'X-Client-Request-Id': requestId } })
        .withResponse();
      const answer = startAnswer(generation, model.model, request_id, counter);
      for await (const chunk of chunks) yield { deltas: answer.take(objectOf(chunk)) };
      return answer.finish();
    },
  };
}
