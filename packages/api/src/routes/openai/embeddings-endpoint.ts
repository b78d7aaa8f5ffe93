import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { AskedBody } from '../../generation/asked-body.ts';
import { defineEndpoint } from '../../generation/generation-endpoint.ts';
import { encodeEmbedding } from './dialect/encode-embedding.ts';
import { type EmbeddingsBody, embeddingsBody } from './embeddings-body.ts';
import { nativeAnswerOf, onlyOf } from './native-endpoint.ts';
import { chunkManner, commonOf, openaiHeaders, splitBody } from './openai-members.ts';
import { textsOf } from './token-input.ts';

const path = '/v1/embeddings';

/** `POST /v1/embeddings` */
export const embeddingsEndpoint = defineEndpoint({
  path,
  dialect: 'openai',
  body: embeddingsBody,
  read,
  toResult: toEmbeddings,
  translate: () => {
    throw new Error('embeddings are never streamed');
  },
  manner: chunkManner,
  providerHeaders: openaiHeaders,
});

function read(body: EmbeddingsBody): AskedBody {
  const asked = splitBody(body);
  return {
    ...commonOf(body),
    generation: {
      // For those who count. What is asked is in the body.
      messages: textsOf(body.input).map((text) => ({ role: 'user', text })),
      native: { api: 'embeddings', body: asked },
    },
    nativeOnly: onlyOf(path),
    asked,
    isStreamed: false,
    isBackground: false,
    // Of equal texts they are equal.
    caching: 'unless-refused',
  };
}

/** What a provider answered, each in the encoding that was asked for: an SDK decodes what it asks for. */
function toEmbeddings(id: string, record: JobRecord): object {
  const { data, ...rest } = nativeAnswerOf(id, record, 'embeddings');
  const format = record.generation.native?.body.encoding_format === 'base64' ? 'base64' : 'float';
  const items = Array.isArray(data) ? (data as { embedding?: unknown }[]) : [];
  return { ...rest, data: items.map((item) => ({ ...item, embedding: encodeEmbedding(item.embedding, format) })) };
}
