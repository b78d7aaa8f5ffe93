import { z } from 'zod';

const openaiError = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: 'OpenAIError' });

/** For the documentation: the envelope of every error on OpenAI's routes. */
export const openaiErrors = { '4xx': openaiError, '5xx': openaiError };
