import { z } from 'zod';
import { dialectRoute } from '../../generation/dialect-route.ts';
import { embeddingsEndpoint } from './embeddings-endpoint.ts';
import { openaiErrors } from './openai-errors.ts';

const embeddings = z
  .looseObject({
    object: z.literal('list'),
    data: z.array(
      z.looseObject({
        object: z.literal('embedding'),
        index: z.int(),
        embedding: z.union([z.array(z.number()), z.string()]).describe('Of base64: little-endian 32-bit floats'),
      }),
    ),
    model: z.string(),
    usage: z.looseObject({ prompt_tokens: z.int(), total_tokens: z.int() }).optional(),
  })
  .meta({
    id: 'Embeddings',
    examples: [
      {
        object: 'list',
        data: [{ object: 'embedding', index: 0, embedding: [0.0023, -0.0093] }],
        model: 'text-embedding-3-small',
        usage: { prompt_tokens: 2, total_tokens: 2 },
      },
    ],
  });

export const embeddingsRoute = dialectRoute(embeddingsEndpoint, {
  tags: ['OpenAI'],
  summary: 'Embeddings',
  description: 'Equal requests are answered from the cache unless that is refused: of equal texts they are equal.',
  response: { 200: embeddings, ...openaiErrors },
});
