import Anthropic from '@anthropic-ai/sdk';
import type { Stream } from '@anthropic-ai/sdk/core/streaming';
import { anthropicApis } from '@llm-gateway/shared/contracts/native-body';
import { presentable } from '../classify-response.ts';
import { objectOf } from '../json-object.ts';
import { type AnswerReader, relayEvents } from '../native-answer.ts';
import type { Provider, ProviderOptions, ProviderRequest } from '../provider.ts';
import { createUndiciFetch } from '../undici-fetch.ts';
import { classify } from './classify.ts';
import { startAnswer } from './from-stream.ts';
import { createMessageBody } from './message-body.ts';
import { samplingVersion, toNativeParams } from './native-params.ts';
import { toParams } from './to-params.ts';
import { type AnthropicUsage, toUsage } from './usage.ts';

/** Anthropic's messages. */
export function createAnthropic({
  name,
  mode,
  apiKey,
  baseURL,
  timeoutMs,
  counter,
  apis = anthropicApis,
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
    defaultHeaders: { 'anthropic-version': samplingVersion, 'x-api-key': apiKey, authorization: null },
  });
  return {
    mode,
    apis,
    close,
    classify: (error) => presentable(classify(name, error), apiKey),
    async *generate(request, signal) {
      const { model, generation, onNative } = request;
      const { native } = generation;
      const isNative = native !== undefined && apis.includes(native.api);
      const sent = isNative ? toNativeParams(native, model) : { body: toParams(model, generation), headers: {} };
      // By path: the SDK's method takes members out of a body, and prints what it thinks of the model.
      const { data: events, request_id } = await client
        .post<Stream<unknown>>('/v1/messages', {
          body: sent.body,
          stream: true,
          signal,
          headers: { ...sent.headers, 'X-Client-Request-Id': request.requestId },
        })
        .withResponse();
      const reader = tellingUsage(request, startAnswer(generation, model.model, request_id ?? null, counter));
      if (isNative) {
        return yield* relayEvents(events, { api: native.api, reader, builder: createMessageBody(), onNative });
      }
      for await (const event of events) yield { deltas: reader.take(objectOf(event)) };
      return reader.finish();
    },
  };
}

/** Tells what the first event counts of the prompt. Its output count is a placeholder. */
function tellingUsage({ onPromptUsage }: Pick<ProviderRequest, 'onPromptUsage'>, reader: AnswerReader): AnswerReader {
  return {
    ...reader,
    take(event) {
      const { usage } = objectOf(event.message);
      if (event.type === 'message_start' && usage) {
        onPromptUsage?.(toUsage({ ...(usage as AnthropicUsage), output_tokens: 0 }));
      }
      return reader.take(event);
    },
  };
}
