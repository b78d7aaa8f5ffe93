import { z } from 'zod';
import { type Part, part } from './content.ts';
import { nativeBody } from './native-body.ts';

const role = z.enum(['user', 'assistant']);

/** What one side said: mere text, or parts. */
const message = z.union([z.object({ role, text: z.string() }), z.object({ role, parts: z.array(part) })]);

export type Message = z.infer<typeof message>;

const tool = z.object({
  name: z.string(),
  description: z.string().optional(),
  /** JSON schema of the arguments. */
  parameters: z.record(z.string(), z.unknown()),
  strict: z.boolean().optional(),
});

export type Tool = z.infer<typeof tool>;

const toolChoice = z.union([z.enum(['auto', 'none', 'required']), z.object({ name: z.string() })]);

export const reasoningEfforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;

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
  tools: z.array(tool).optional(),
  toolChoice: toolChoice.optional(),
  /** Whether the model may call several tools at once; absent: as the provider likes. */
  parallelToolCalls: z.boolean().optional(),
  reasoningEffort: z.enum(reasoningEfforts).optional(),
  /** How many answers to give; absent: one. */
  choices: z.number().int().positive().optional(),
  /** Tokens of earlier turns that the provider keeps, and reads again. */
  contextTokens: z.number().int().nonnegative().optional(),
  /** Which of the provider's keys or addresses keeps them; absent where there is one. */
  deployment: z.string().optional(),
  native: nativeBody.optional(),
});

export type Generation = z.infer<typeof generation>;

/** What a message says, as parts. */
export const partsOf = (said: Message): Part[] => ('parts' in said ? said.parts : [{ type: 'text', text: said.text }]);
