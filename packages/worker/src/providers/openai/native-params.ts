import type { NativeBody } from '@llm-gateway/shared/contracts/native-body';
import { type JsonObject, objectOf } from '../json-object.ts';

interface NativeParams {
  path: string;
  body: JsonObject;
  isStreamed: boolean;
}

const paths: Record<NativeBody['api'], string> = {
  chat: '/chat/completions',
  completions: '/completions',
  responses: '/responses',
  embeddings: '/embeddings',
  messages: '/messages',
};

/**
 * A client's own body as it is sent: with the model that serves it, and streamed wherever it can be, so that a call shows
 * signs of life whether its client streams or not. All else stays as it came.
 */
export function toNativeParams({ api, body }: NativeBody, model: string): NativeParams {
  const path = paths[api];
  if (api === 'embeddings' || isNeverStreamed(body)) return { path, body: { ...body, model }, isStreamed: false };
  // Without being asked, completions do not tell their usage.
  const usage = { stream_options: { ...objectOf(body.stream_options), include_usage: true } };
  const isCompletion = api === 'chat' || api === 'completions';
  return { path, body: { ...body, model, stream: true, ...(isCompletion ? usage : {}) }, isStreamed: true };
}

/** Spoken answers are streamed as raw samples alone, and the best of several texts is known when all are written. */
function isNeverStreamed({ modalities, audio, best_of: bestOf }: JsonObject): boolean {
  const isSpoken = Array.isArray(modalities) && modalities.includes('audio');
  return (isSpoken && objectOf(audio).format !== 'pcm16') || (typeof bestOf === 'number' && bestOf > 1);
}
