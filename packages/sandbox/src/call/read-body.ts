import type { z } from 'zod';
import { Refusal } from './refusal.ts';

/** Reads a body leniently (its schema lets unknown members pass) and names the first parameter that does not fit. */
export function readBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const result = schema.safeParse(body ?? {}, { reportInput: true });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const missing = issue !== undefined && issue.input === undefined;
  throw new Refusal('invalid-body', {
    path: issue?.path ?? [],
    message: missing ? 'Field required' : (issue?.message ?? 'Invalid body'),
  });
}
