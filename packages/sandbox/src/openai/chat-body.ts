import { z } from 'zod';
import type { Ask, Prompt, Tool } from '../answer/ask.ts';
import { tokensOfEffort } from '../answer/reasoning-effort.ts';
import { contentPart, modelName, readContent } from '../call/body-parts.ts';

const message = z.looseObject({
  role: z.enum(['developer', 'system', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(contentPart)]).nullish(),
  tool_calls: z
    .array(
      z.looseObject({
        function: z.looseObject({ arguments: z.string() }).optional(),
        custom: z.looseObject({ input: z.string() }).optional(),
      }),
    )
    .nullish(),
  function_call: z.looseObject({ arguments: z.string() }).nullish(),
});

const named = z.looseObject({ name: z.string() });

const functionTool = z.looseObject({
  name: z.string(),
  description: z.string().nullish(),
  parameters: z.unknown().optional(),
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
  tools: z
    .array(
      z.looseObject({
        type: z.string(),
        function: functionTool.optional(),
        custom: z
          .looseObject({ name: z.string(), description: z.string().nullish(), format: z.unknown().optional() })
          .optional(),
      }),
    )
    .nullish(),
  tool_choice: z
    .union([
      z.string(),
      z.looseObject({
        type: z.string(),
        function: named.optional(),
        custom: named.optional(),
        allowed_tools: z
          .looseObject({ mode: z.string(), tools: z.array(z.looseObject({ function: named.optional() })) })
          .optional(),
      }),
    ])
    .nullish(),
  functions: z.array(functionTool).nullish(),
  function_call: z.union([z.string(), named]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  reasoning_effort: z.string().nullish(),
  service_tier: z.string().nullish(),
  response_format: z
    .looseObject({ type: z.string(), json_schema: z.looseObject({ schema: z.unknown().optional() }).optional() })
    .nullish(),
});

export type ChatBody = z.infer<typeof chatBody>;

export function askOfChat(body: ChatBody): Ask {
  return {
    model: body.model,
    prompt: promptOf(body.messages),
    tools: [...(body.tools ?? []).flatMap(toTool), ...(body.functions ?? []).map(toFunctionTool)],
    toolChoice: callsFunctions(body) ? functionChoiceOf(body.function_call) : toolChoiceOf(body.tool_choice),
    parallelTools: !callsFunctions(body) && (body.parallel_tool_calls ?? true),
    reasoningTokens: tokensOfEffort(body.reasoning_effort),
    json: jsonOf(body.response_format),
    stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []),
    // 0 is what generated clients send for "no limit".
    tokensMax: body.max_completion_tokens || body.max_tokens || null,
  };
}

/** The older way: `functions` in place of `tools`, and one call at most, which has no id. */
export function callsFunctions({ functions, tools }: ChatBody): boolean {
  return Boolean(functions?.length) && !tools?.length;
}

function promptOf(messages: ChatBody['messages']): Prompt {
  const read = messages.map(({ content, tool_calls, function_call }) => {
    const { texts, attachments } = readContent(content);
    const called = (tool_calls ?? []).map((call) => call.function?.arguments ?? call.custom?.input ?? '');
    const older = function_call?.arguments ?? [];
    return { texts: [...texts, ...called, older].flat(), attachments };
  });
  const role = messages.at(-1)?.role;
  return {
    texts: read.flatMap(({ texts }) => texts),
    last: read.at(-1)?.texts.join('\n') ?? '',
    afterTool: role === 'tool' || role === 'function',
    messages: messages.length,
    attachments: read.reduce((sum, { attachments }) => sum + attachments, 0),
  };
}

function toTool(tool: NonNullable<ChatBody['tools']>[number]): Tool[] {
  if (tool.custom) {
    const { name, description, format } = tool.custom;
    return [{ name, description: description ?? '', schema: format, custom: true }];
  }
  return tool.function ? [toFunctionTool(tool.function)] : [];
}

function toFunctionTool({ name, description, parameters }: z.infer<typeof functionTool>): Tool {
  return { name, description: description ?? '', schema: parameters };
}

function functionChoiceOf(choice: ChatBody['function_call']): Ask['toolChoice'] {
  if (choice && typeof choice === 'object') return { name: choice.name };
  return choice === 'none' ? 'none' : 'auto';
}

function toolChoiceOf(choice: ChatBody['tool_choice']): Ask['toolChoice'] {
  if (choice === 'none' || choice === 'required') return choice;
  if (!choice || typeof choice !== 'object') return 'auto';
  const chosen = choice.function ?? choice.custom;
  if (chosen) return { name: chosen.name };
  if (choice.allowed_tools?.mode !== 'required') return 'auto';
  const [allowed] = choice.allowed_tools.tools;
  return allowed?.function ? { name: allowed.function.name } : 'required';
}

function jsonOf(format: ChatBody['response_format']): Ask['json'] {
  if (format?.type === 'json_object') return { schema: undefined };
  if (format?.type === 'json_schema') return { schema: format.json_schema?.schema };
  return null;
}
