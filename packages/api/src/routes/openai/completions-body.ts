import { z } from 'zod';
import { flatBodyRule, isFlatBody } from '../../generation/is-flatter-than.ts';
import { openaiMembers } from './openai-members.ts';
import { tokenIds } from './token-input.ts';

/** Body of `POST /v1/completions`. Members that are not here are passed on. */
export const completionsBody = z
  .looseObject({
    ...openaiMembers,
    prompt: z
      .union(
        [z.string(), z.array(z.string()).min(1), tokenIds, z.array(tokenIds).min(1)],
        'must be a string, a list of strings, a list of token ids or a list of such lists',
      )
      .nullish(),
    max_tokens: z.int().min(0).nullish(),
    best_of: z.int().min(1).max(20).nullish(),
    echo: z.boolean().nullish(),
    logprobs: z.int().min(0).max(5).nullish(),
    suffix: z.string().nullish(),
  })
  .refine(isFlatBody, flatBodyRule)
  .meta({ id: 'CompletionRequest', examples: [{ model: 'gpt-4o', prompt: 'Once upon a time', max_tokens: 16 }] });

export type CompletionsBody = z.output<typeof completionsBody>;
