import { z } from 'zod';
import { gatewayMember } from '../../../generation/gateway-member.ts';
import { flatBodyRule, isFlatBody } from '../../../generation/is-flatter-than.ts';
import { blockContent, looseBlock } from './known-blocks.ts';

const message = z.looseObject({ role: z.string().min(1), content: blockContent });

export type BodyMessage = z.output<typeof message>;

/** A tool of the client's own. Anthropic's tools have a type by which it knows them, and a form of its own each. */
export const isClientsOwn = ({ type }: { type?: string | null | undefined }) => (type ?? 'custom') === 'custom';

const tool = z
  .looseObject({
    type: z.string().nullish(),
    name: z.string().min(1).nullish(),
    description: z.string().nullish(),
    input_schema: z.record(z.string(), z.unknown()).nullish(),
    strict: z.boolean().nullish(),
  })
  .superRefine((given, context) => {
    if (!isClientsOwn(given)) return;
    for (const member of ['name', 'input_schema'] as const) {
      if (given[member] == null) context.addIssue({ code: 'custom', path: [member], message: 'is required' });
    }
  });

export type BodyTool = z.output<typeof tool>;

const toolChoice = z
  .looseObject({
    type: z.string().min(1),
    name: z.string().min(1).nullish(),
    disable_parallel_tool_use: z.boolean().nullish(),
  })
  .refine(({ type, name }) => type !== 'tool' || name != null, { path: ['name'], error: 'is required' });

const thinking = z.looseObject({ type: z.string().min(1), budget_tokens: z.int().min(1).nullish() });

const format = z
  .looseObject({ type: z.string().min(1), schema: z.record(z.string(), z.unknown()).nullish() })
  .refine(({ type, schema }) => type !== 'json_schema' || schema != null, { path: ['schema'], error: 'is required' });

/** What a prompt is made of, and so what its tokens are counted of. */
const prompt = {
  model: z.string().min(1).max(256),
  messages: z.array(message).min(1),
  system: blockContent.nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: toolChoice.nullish(),
  thinking: thinking.nullish(),
  output_config: z.looseObject({ effort: z.string().nullish(), format: format.nullish() }).nullish(),
  output_format: format.nullish(),
  cache_control: looseBlock.nullish(),
};

/** Body of `POST /v1/messages/count_tokens`. */
export const countTokensBody = z
  .looseObject(prompt)
  .refine(isFlatBody, flatBodyRule)
  .meta({
    id: 'CountTokensRequest',
    examples: [{ model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'Hello, Claude' }] }],
  });

export type CountTokensBody = z.output<typeof countTokensBody>;

/** Body of `POST /v1/messages`. Members that are not named here go to the provider as they came. */
export const messagesBody = z
  .looseObject({
    ...prompt,
    max_tokens: z.int().min(1),
    stream: z.boolean().nullish(),
    stop_sequences: z.array(z.string()).nullish(),
    temperature: z.number().min(0).max(1).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    top_k: z.int().min(0).nullish(),
    metadata: z.looseObject({ user_id: z.string().nullish() }).nullish(),
    service_tier: z.string().nullish(),
    speed: z.string().nullish(),
    inference_geo: z.string().nullish(),
    container: z.unknown().optional(),
    mcp_servers: z.array(z.unknown()).nullish(),
    context_management: z.unknown().optional(),
    gateway: gatewayMember.nullish().describe('What the gateway is told; it goes no further'),
  })
  .refine(isFlatBody, flatBodyRule)
  .meta({
    id: 'MessagesRequest',
    examples: [
      { model: 'claude-sonnet-4-5', max_tokens: 1024, messages: [{ role: 'user', content: 'Hello, Claude' }] },
    ],
  });

export type MessagesBody = z.output<typeof messagesBody>;
