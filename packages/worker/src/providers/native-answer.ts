import type { Answer } from '@llm-gateway/shared/contracts/answer';
import type { Delta } from '@llm-gateway/shared/contracts/content';
import type { NativeApi } from '@llm-gateway/shared/contracts/native-body';
import { isObject, type JsonObject, objectOf } from './json-object.ts';
import type { Piece, ProviderRequest } from './provider.ts';

/** Makes an answer of what one of a provider's APIs sends. */
export interface AnswerReader {
  /** Takes one event, and gives what it adds to the answer. */
  take(event: JsonObject): readonly Delta[];
  /** The whole answer. Rejects with `provider_bad_answer` when the stream ended without saying that it was finished. */
  finish(): Promise<Answer>;
}

/** Makes of the events of a stream the object that the same request would have been answered with unstreamed. */
export interface BodyBuilder {
  take(event: JsonObject): void;
  /** As far as it has come. */
  body(): JsonObject;
}

interface NativeReading {
  api: NativeApi;
  reader: AnswerReader;
  builder: BodyBuilder;
  onNative: ProviderRequest['onNative'];
}

/** Passes the events of a stream on as they come. */
export async function* relayEvents(
  events: AsyncIterable<unknown>,
  { api, reader, builder, onNative }: NativeReading,
): AsyncGenerator<Piece, Answer> {
  // A copy: what was so far must not grow in the hands of who asked for it.
  onNative?.(() => ({ api, body: structuredClone(builder.body()) }));
  for await (const event of events) {
    const deltas = reader.take(objectOf(event));
    builder.take(objectOf(event));
    yield { deltas, frame: JSON.stringify(event) };
  }
  return { ...(await reader.finish()), native: { api, body: builder.body() } };
}

/** The answer of a call that is not streamed. What is no object is no answer, and the reader finds it unfinished. */
export async function* wholeAnswer(api: NativeApi, body: unknown, reader: AnswerReader): AsyncGenerator<Piece, Answer> {
  reader.take(objectOf(body));
  try {
    return { ...(await reader.finish()), native: { api, body: isObject(body) ? body : {} } };
  } catch (error) {
    // The provider has answered, and charges for it, whatever is wrong with the answer.
    if (isObject(body)) yield { deltas: [] };
    throw error;
  }
}
