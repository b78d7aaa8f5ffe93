import { z } from 'zod';

/** The requests of providers that the gateway can pass on as they came, by the last words of their paths. */
export const nativeApis = ['chat', 'responses', 'messages', 'embeddings', 'completions'] as const;

export type NativeApi = (typeof nativeApis)[number];

export const nativeApi = z.enum(nativeApis);

/** What the official providers are asked. */
export const openAIApis = ['chat', 'responses', 'embeddings', 'completions'] as const satisfies readonly NativeApi[];
export const anthropicApis = ['messages'] as const satisfies readonly NativeApi[];

/**
 * A body in a provider's own dialect. It travels beside the neutral form and is sent as it came to a provider that speaks
 * its dialect, so that no member is lost, be it one that we have never heard of. Without what only the gateway reads.
 */
export const nativeBody = z.object({
  api: nativeApi,
  body: z.record(z.string(), z.unknown()),
  /** Headers of the client's that mean something to the provider, such as `anthropic-beta`. */
  headers: z.record(z.string(), z.string()).optional(),
  /** Members as the client sent them, where the body has others or none: it shall find them again in the answer. */
  asked: z.record(z.string(), z.unknown()).optional(),
});

export type NativeBody = z.infer<typeof nativeBody>;
