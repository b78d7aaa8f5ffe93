import { z } from 'zod';

const message = z.object({
  role: z.enum(['user', 'assistant']),
  text: z.string(),
});

const responseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    name: z.string(),
    schema: z.record(z.string(), z.unknown()),
    strict: z.boolean().optional(),
  }),
]);

/**
 * What a client asks of a model, free of any dialect. Every route makes one from its body, and every provider
 * makes its SDK's parameters from it, so that n dialects and m providers cost n + m mappers.
 */
export const generation = z.object({
  system: z.string().optional(),
  messages: z.array(message).min(1),
  /** Upper bound of completion tokens; absent means the model's own. */
  maxTokens: z.number().int().positive().optional(),
  temperature: z.number().optional(),
  topP: z.number().optional(),
  stop: z.array(z.string()).optional(),
  seed: z.number().int().optional(),
  responseFormat: responseFormat.optional(),
});

export type Generation = z.infer<typeof generation>;
