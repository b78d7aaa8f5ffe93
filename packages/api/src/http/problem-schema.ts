import { z } from 'zod';

/** Body of every error on native routes: RFC 9457 members, and OpenAI's `error` for clients that read that. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().optional(),
    job_id: z.string().optional(),
    request_id: z.string(),
    code: z.string(),
    retryable: z.boolean(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
    error: z.object({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() }),
  })
  .meta({ id: 'Problem' });
