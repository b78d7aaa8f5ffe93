import { z } from 'zod';
import type { Ask, Prompt, Tool } from '../answer/ask.ts';
import { contentPart, modelName, readContent } from '../call/body-parts.ts';

const message = z.looseObject({
  role: z.enum(['developer', 'system', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(contentPart)]).nullish(),
  tool_calls: z.array(z.looseObject({ function: z.looseObject({ arguments: z.string() }).optional() })).nullish(),
});

const functionTool = z.looseObject({
  name: z.string(),
  description: z.string().nullish(),
  parameters: z.unknown(),
});

export const chatBody = z.looseObject({
  model: modelName,
  messages: z.array(message).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.int().min(1).max(128).nullish(),
  max_tokens: z.int().min(0).nullish(),
  max_completion_tokens: z.int().min(0).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  tools: z.array(z.looseObject({ type: z.string(), function: functionTool.optional() })).nullish(),
  tool_choice: z
    .union([z.string(), z.looseObject({ type: z.string(), function: z.looseObject({ name: z.string() }).optional() })])
    .nullish(),
  response_format: z
    .looseObject({ type: z.string(), json_schema: z.looseObject({ schema: z.unknown() }).optional() })
    .nullish(),
});

export type ChatBody = z.infer<typeof chatBody>;

export function askOfChat(body: ChatBody): Ask {
  return {
    model: body.model,
    prompt: promptOf(body.messages),
    tools: (body.tools ?? []).flatMap(toTool),
    toolChoice: toolChoiceOf(body.tool_choice),
    json: jsonOf(body.response_format),
    stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []),
    // 0 is what generated clients send for "no limit".
    tokensMax: body.max_completion_tokens || body.max_tokens || null,
  };
}

function promptOf(messages: ChatBody['messages']): Prompt {
  const read = messages.map(({ content, tool_calls }) => {
    const { texts, attachments } = readContent(content);
    const called = (tool_calls ?? []).map((call) => call.function?.arguments ?? '');
    return { texts: [...texts, ...called], attachments };
  });
  return {
    texts: read.flatMap(({ texts }) => texts),
    last: read.at(-1)?.texts.join('\n') ?? '',
    messages: messages.length,
    attachments: read.reduce((sum, { attachments }) => sum + attachments, 0),
  };
}

function toTool(tool: NonNullable<ChatBody['tools']>[number]): Tool[] {
  if (!tool.function) return [];
  const { name, description, parameters } = tool.function;
  return [{ name, description: description ?? '', schema: parameters }];
}

function toolChoiceOf(choice: ChatBody['tool_choice']): Ask['toolChoice'] {
  if (choice === 'none' || choice === 'required') return choice;
  return choice && typeof choice === 'object' && choice.function ? { name: choice.function.name } : 'auto';
}

function jsonOf(format: ChatBody['response_format']): Ask['json'] {
  if (format?.type === 'json_object') return { schema: undefined };
  if (format?.type === 'json_schema') return { schema: format.json_schema?.schema };
  return null;
}
