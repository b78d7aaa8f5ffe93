import { z } from 'zod';
import { embedText } from '../answer/embed-text.ts';
import { modelName } from '../call/body-parts.ts';
import type { Endpoint } from '../call/endpoint.ts';
import { readBody } from '../call/read-body.ts';
import { readInputs, textInputs } from './text-inputs.ts';

const embeddingsBody = z.looseObject({
  model: modelName,
  input: textInputs,
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).max(4_096).nullish(),
});

type EmbeddingsBody = z.infer<typeof embeddingsBody>;

/** `POST /v1/embeddings` */
export const embeddings: Endpoint<EmbeddingsBody> = {
  read: (body) => readBody(embeddingsBody, body),

  answer(body, plan) {
    const inputs = readInputs(body.input);
    const promptTokens = inputs.reduce((sum, { tokens }) => sum + tokens, 0);
    const dimensions = body.dimensions ?? (body.model.includes('3-large') ? 3_072 : 1_536);
    const usage = plan.usage ? { usage: { prompt_tokens: promptTokens, total_tokens: promptTokens } } : {};
    return {
      promptTokens,
      completionTokens: 0,
      whole: () => ({
        object: 'list',
        data: inputs.map(({ text }, index) => ({
          object: 'embedding',
          index,
          embedding: encodeVector(embedText(text, dimensions), body.encoding_format),
        })),
        model: body.model,
        ...usage,
      }),
      stream: null,
    };
  },
};

function encodeVector(vector: Float32Array, format: EmbeddingsBody['encoding_format']): number[] | string {
  if (format !== 'base64') return Array.from(vector);
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}
