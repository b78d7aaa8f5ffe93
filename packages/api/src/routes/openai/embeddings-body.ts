import { z } from 'zod';
import { flatBodyRule, isFlatBody } from '../../generation/is-flatter-than.ts';
import { openaiMembers } from './openai-members.ts';
import { tokenIds } from './token-input.ts';

const { model, user, safety_identifier, metadata, gateway } = openaiMembers;

const inputsMax = 2048;
const text = z.string().min(1);

/** Body of `POST /v1/embeddings`. Members that are not here are passed on. */
export const embeddingsBody = z
  .looseObject({
    model,
    input: z.union(
      [text, z.array(text).min(1).max(inputsMax), tokenIds, z.array(tokenIds).min(1).max(inputsMax)],
      `must be a string, a list of token ids, or a list of 1 to ${inputsMax} such; none may be empty`,
    ),
    encoding_format: z.enum(['float', 'base64']).nullish().describe('float if absent'),
    dimensions: z.int().min(1).nullish(),
    user,
    safety_identifier,
    metadata,
    gateway,
  })
  .refine(isFlatBody, flatBodyRule)
  .meta({
    id: 'EmbeddingRequest',
    examples: [{ model: 'text-embedding-3-small', input: ['a cat', 'a dog'], encoding_format: 'float' }],
  });

export type EmbeddingsBody = z.output<typeof embeddingsBody>;
