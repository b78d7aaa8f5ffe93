import type { Generation } from '@llm-gateway/shared/contracts/generation';
import { z } from 'zod';
import { gatewayMember } from '../../generation/gateway-member.ts';
import { bodyDepthMax, isFlatterThan } from '../../generation/is-flatter-than.ts';
import { metadataMember, webhookMember } from '../../generation/job-members.ts';

// Keys are made of ids, and half of a surrogate pair has no UTF-8 that they could be made of.
const shortText = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => text.isWellFormed(), 'must be well-formed Unicode');

// Far beyond what a model can stop at, far below what would make a queue of them large.
const stopText = z.string().min(1).max(1000);

const responseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({
      name: z.string().min(1).max(64),
      schema: z
        .record(z.string(), z.unknown())
        .refine(
          (schema) => isFlatterThan(schema, bodyDepthMax),
          `must not be nested deeper than ${bodyDepthMax} levels`,
        ),
      strict: z.boolean().optional(),
    }),
  }),
]);

/** Body of `POST /v1/generate`. Unknown members are ignored and never reach a provider. */
export const generateBody = z
  .object({
    prompt: z
      .string()
      .min(1, { error: 'must not be empty', abort: true })
      .max(1_000_000, 'must be at most 1,000,000 characters')
      .refine((prompt) => prompt.trim() !== '', 'must not be blank'),
    model: z.string().min(1).max(256),
    user_id: shortText.optional().describe('Whom to count the request for; required unless the API key names a user'),
    temperature: z.number().min(0).max(2).default(0.7),
    max_tokens: z.int().min(1).optional(),
    request_id: shortText.optional().describe('Given back in the answer; made up if absent'),
    top_p: z.number().min(0).max(1).optional(),
    stop: z
      .union([stopText, z.array(stopText).min(1).max(4)], 'must be a string or a list of 1 to 4 strings')
      .optional(),
    system: z.string().max(1_000_000).optional(),
    seed: z.int().optional(),
    response_format: responseFormat.optional(),
    metadata: metadataMember.optional(),
    stream: z.boolean().optional().describe('Server-sent events, as of GET /v1/jobs/{id}/events'),
    webhook: webhookMember.optional(),
    gateway: gatewayMember.optional(),
  })
  .meta({
    id: 'GenerateRequest',
    examples: [{ prompt: 'Explain transformers in machine learning', model: 'gpt-4o', user_id: 'user123' }],
  });

export type GenerateBody = z.output<typeof generateBody>;

/** The neutral form of a body; the second step of every dialect. */
export function toGeneration(body: GenerateBody): Generation {
  const { prompt, system, temperature, max_tokens, top_p, stop, seed, response_format } = body;
  return {
    messages: [{ role: 'user', text: prompt }],
    temperature,
    ...(system === undefined ? {} : { system }),
    ...(max_tokens === undefined ? {} : { maxTokens: max_tokens }),
    ...(top_p === undefined ? {} : { topP: top_p }),
    ...(stop === undefined ? {} : { stop: typeof stop === 'string' ? [stop] : stop }),
    ...(seed === undefined ? {} : { seed }),
    ...(response_format === undefined ? {} : { responseFormat: toResponseFormat(response_format) }),
  };
}

function toResponseFormat(
  format: NonNullable<GenerateBody['response_format']>,
): NonNullable<Generation['responseFormat']> {
  return format.type === 'json_schema' ? { type: 'json_schema', ...format.json_schema } : format;
}
