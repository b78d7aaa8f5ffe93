import { z } from 'zod';

/** The answer of `POST /v1/messages`. Members of the provider's that are not named here are passed on. */
export const message = z
  .looseObject({
    id: z.string().describe('`msg_`, and the id of the job'),
    type: z.literal('message'),
    role: z.literal('assistant'),
    model: z.string(),
    content: z.array(z.looseObject({ type: z.string() })),
    stop_reason: z
      .string()
      .nullable()
      .describe(
        '`end_turn`, `max_tokens`, `stop_sequence`, `tool_use`, `refusal`, or one that its provider has of late',
      ),
    stop_sequence: z.string().nullable().describe('Only Claude models tell which one was met'),
    usage: z.looseObject({ input_tokens: z.int(), output_tokens: z.int() }),
  })
  .meta({ id: 'Message' });

/** Body of every error on Anthropic's routes. */
export const anthropicError = z
  .object({
    type: z.literal('error'),
    error: z.object({ type: z.string(), message: z.string() }),
    request_id: z.string().nullable(),
  })
  .meta({ id: 'AnthropicError' });
