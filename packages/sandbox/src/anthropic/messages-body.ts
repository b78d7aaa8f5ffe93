import { z } from 'zod';
import type { Ask, Prompt, Tool } from '../answer/ask.ts';
import { tokensOfEffort } from '../answer/reasoning-effort.ts';
import { contentPart, modelName } from '../call/body-parts.ts';
import { isToolResult, readMessage } from './message-content.ts';

const content = z.union([z.string(), z.array(contentPart)]);

const tool = z.looseObject({
  // A set of tools, such as an MCP server's, has none.
  name: z.string().min(1).nullish(),
  description: z.string().nullish(),
  input_schema: z.unknown().optional(),
});

const counted = {
  model: modelName,
  messages: z.array(z.looseObject({ role: z.enum(['user', 'assistant', 'system']), content })).min(1),
  system: content.nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: z
    .looseObject({
      type: z.enum(['auto', 'any', 'tool', 'none']),
      name: z.string().optional(),
      disable_parallel_tool_use: z.boolean().nullish(),
    })
    .nullish(),
  thinking: z
    .looseObject({
      type: z.enum(['enabled', 'adaptive', 'disabled']),
      budget_tokens: z.int().nullish(),
      display: z.string().nullish(),
    })
    .nullish(),
  cache_control: z.looseObject({ type: z.string(), ttl: z.string().nullish() }).nullish(),
};

/** Of `POST /v1/messages/count_tokens`, which wants no `max_tokens`. */
export const countTokensBody = z.looseObject(counted);

export const messagesBody = z.looseObject({
  ...counted,
  max_tokens: z.int().min(1),
  stream: z.boolean().nullish(),
  stop_sequences: z.array(z.string()).nullish(),
  temperature: z.number().min(0).max(1).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.number().min(0).nullish(),
  output_config: z
    .looseObject({
      format: z.looseObject({ type: z.string(), schema: z.unknown().optional() }).nullish(),
      effort: z.string().nullish(),
    })
    .nullish(),
  container: z
    .union([z.string(), z.looseObject({ id: z.string().nullish(), skills: z.array(z.unknown()).nullish() })])
    .nullish(),
});

export type CountTokensBody = z.infer<typeof countTokensBody>;
export type MessagesBody = z.infer<typeof messagesBody>;

export function askOfMessages(body: MessagesBody): Ask {
  return {
    model: body.model,
    ...countedPartOf(body),
    toolChoice: toolChoiceOf(body.tool_choice),
    parallelTools: body.tool_choice?.disable_parallel_tool_use !== true,
    reasoningTokens: reasoningTokensOf(body),
    json: body.output_config?.format?.type === 'json_schema' ? { schema: body.output_config.format.schema } : null,
    stop: body.stop_sequences ?? [],
    tokensMax: body.max_tokens,
  };
}

export function countedPartOf({ messages, system, tools }: CountTokensBody): Pick<Ask, 'prompt' | 'tools'> {
  return { prompt: promptOf(messages, system), tools: (tools ?? []).filter(({ name }) => name).map(toTool) };
}

function promptOf(messages: CountTokensBody['messages'], system: CountTokensBody['system']): Prompt {
  const parts = [readMessage(system), ...messages.map((message) => readMessage(message.content))];
  return {
    texts: parts.flatMap(({ texts }) => texts),
    last: parts.at(-1)?.texts.join('\n') ?? '',
    afterTool: isToolResult(messages.at(-1)?.content),
    messages: messages.length + (system ? 1 : 0),
    attachments: parts.reduce((sum, { attachments }) => sum + attachments, 0),
  };
}

export function toTool({ name, description, input_schema }: z.infer<typeof tool>): Tool {
  return { name: name ?? '', description: description ?? '', schema: input_schema };
}

function reasoningTokensOf({ thinking, output_config }: MessagesBody): number {
  if (!thinking || thinking.type === 'disabled') return 0;
  return Math.min(tokensOfEffort(output_config?.effort ?? 'medium'), thinking.budget_tokens ?? Infinity);
}

function toolChoiceOf(choice: MessagesBody['tool_choice']): Ask['toolChoice'] {
  switch (choice?.type) {
    case 'none':
      return 'none';
    case 'any':
      return 'required';
    case 'tool':
      return choice.name === undefined ? 'required' : { name: choice.name };
    default:
      return 'auto';
  }
}
