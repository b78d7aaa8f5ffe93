import type { Answer } from '@llm-gateway/shared/contracts/answer';
import type { NativeBody } from '@llm-gateway/shared/contracts/native-body';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import type OpenAI from 'openai';
import type { Stream } from 'openai/core/streaming';
import { type AnswerReader, relayEvents, wholeAnswer } from '../native-answer.ts';
import type { Piece, ProviderRequest } from '../provider.ts';
import { createChoicesBody } from './choices-body.ts';
import { startEmbeddings } from './from-embeddings.ts';
import { startResponseAnswer } from './from-response-stream.ts';
import { startAnswer } from './from-stream.ts';
import { toNativeParams } from './native-params.ts';
import { createResponseBody } from './response-body.ts';

interface Upstream {
  client: OpenAI;
  provider: string;
  counter: Pick<TokenCounter, 'count'>;
}

/** A call with the client's own body. By path, as the SDK's methods for it would add to the body and decode the answer. */
export async function* callNative(
  upstream: Upstream,
  native: NativeBody,
  request: ProviderRequest,
  signal: AbortSignal,
): AsyncGenerator<Piece, Answer> {
  const { api } = native;
  const { path, body, isStreamed } = toNativeParams(native, request.model.model);
  const headers = { ...native.headers, 'X-Client-Request-Id': request.requestId };
  const options = { body, signal, headers };
  if (!isStreamed) {
    const { data, request_id } = await upstream.client.post<unknown>(path, options).withResponse();
    return yield* wholeAnswer(api, data, startReader(upstream, native, request, request_id));
  }
  const { data: events, request_id } = await upstream.client
    .post<Stream<unknown>>(path, { ...options, stream: true })
    .withResponse();
  const reader = startReader(upstream, native, request, request_id);
  const builder = api === 'responses' ? createResponseBody() : createChoicesBody();
  return yield* relayEvents(events, { api, reader, builder, onNative: request.onNative });
}

function startReader(
  { provider, counter }: Upstream,
  { api }: NativeBody,
  { generation, model }: ProviderRequest,
  providerRequestId: string | null,
): AnswerReader {
  if (api === 'embeddings') return startEmbeddings(generation, model.model, providerRequestId, counter);
  if (api === 'responses') {
    return startResponseAnswer(generation, model.model, providerRequestId, { provider, counter });
  }
  return startAnswer(generation, model.model, providerRequestId, counter);
}
