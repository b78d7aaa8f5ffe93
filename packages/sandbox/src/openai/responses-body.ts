import { z } from 'zod';
import type { Ask, Prompt, Tool } from '../answer/ask.ts';
import { tokensOfEffort } from '../answer/reasoning-effort.ts';
import { contentPart, modelName, readContent } from '../call/body-parts.ts';

const inputItem = z.looseObject({
  type: z.string().nullish(),
  role: z.string().nullish(),
  content: z.union([z.string(), z.array(contentPart)]).nullish(),
  arguments: z.string().nullish(),
  input: z.string().nullish(),
  output: z.union([z.string(), z.array(contentPart)]).nullish(),
});

type InputItem = Partial<z.infer<typeof inputItem>>;

const counted = {
  model: modelName,
  instructions: z.string().nullish(),
  previous_response_id: z.string().nullish(),
  tools: z
    .array(
      z.looseObject({
        type: z.string(),
        name: z.string().nullish(),
        description: z.string().nullish(),
        parameters: z.unknown().optional(),
        format: z.unknown().optional(),
      }),
    )
    .nullish(),
  text: z
    .looseObject({ format: z.looseObject({ type: z.string(), schema: z.unknown().optional() }).nullish() })
    .nullish(),
};

/** Of `POST /v1/responses/input_tokens`. */
export const inputTokensBody = z.looseObject({
  ...counted,
  input: z.union([z.string(), z.array(inputItem)]).nullish(),
});

export const responsesBody = z.looseObject({
  ...counted,
  input: z.union([z.string(), z.array(inputItem)]),
  stream: z.boolean().nullish(),
  store: z.boolean().nullish(),
  background: z.boolean().nullish(),
  max_output_tokens: z.int().min(0).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  tool_choice: z
    .union([
      z.string(),
      z.looseObject({
        type: z.string(),
        name: z.string().nullish(),
        mode: z.string().nullish(),
        tools: z.array(z.looseObject({ name: z.string().nullish() })).nullish(),
      }),
    ])
    .nullish(),
  reasoning: z.looseObject({ effort: z.string().nullish(), summary: z.string().nullish() }).nullish(),
  include: z.array(z.string()).nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  max_tool_calls: z.int().min(1).nullish(),
  service_tier: z.string().nullish(),
  truncation: z.string().nullish(),
  user: z.string().nullish(),
  safety_identifier: z.string().nullish(),
  prompt_cache_key: z.string().nullish(),
  prompt_cache_retention: z.string().nullish(),
});

export type InputTokensBody = z.infer<typeof inputTokensBody>;
export type ResponsesBody = z.infer<typeof responsesBody>;

export function askOfResponses(body: ResponsesBody): Ask {
  return {
    model: body.model,
    ...countedPartOf(body),
    toolChoice: toolChoiceOf(body.tool_choice),
    parallelTools: body.parallel_tool_calls ?? true,
    reasoningTokens: body.reasoning ? tokensOfEffort(body.reasoning.effort ?? 'medium') : 0,
    stop: [],
    tokensMax: body.max_output_tokens || null,
  };
}

export function countedPartOf(body: InputTokensBody): Pick<Ask, 'prompt' | 'tools' | 'json'> {
  return { prompt: promptOf(body), tools: (body.tools ?? []).flatMap(toTool), json: jsonOf(body.text) };
}

function promptOf({ input, instructions }: InputTokensBody): Prompt {
  const items: InputItem[] = typeof input === 'string' ? [{ content: input }] : (input ?? []);
  const read = items.map(readItem);
  return {
    texts: [...(instructions ? [instructions] : []), ...read.flatMap(({ texts }) => texts)],
    last: read.at(-1)?.texts.join('\n') ?? '',
    afterTool: items.at(-1)?.type?.endsWith('_call_output') ?? false,
    messages: items.length + (instructions ? 1 : 0),
    attachments: read.reduce((sum, { attachments }) => sum + attachments, 0),
  };
}

function readItem(item: InputItem): { texts: string[]; attachments: number } {
  const said = readContent(item.content);
  const returned = readContent(item.output);
  const called = item.arguments ?? item.input ?? [];
  return {
    texts: [...said.texts, called, ...returned.texts].flat(),
    attachments: said.attachments + returned.attachments,
  };
}

function toTool(tool: NonNullable<InputTokensBody['tools']>[number]): Tool[] {
  const { type, name, description, parameters, format } = tool;
  if (type === 'custom' && name) return [{ name, description: description ?? '', schema: format, custom: true }];
  if (type !== 'function' || !name) return [];
  return [{ name, description: description ?? '', schema: parameters }];
}

function toolChoiceOf(choice: ResponsesBody['tool_choice']): Ask['toolChoice'] {
  if (choice === 'none' || choice === 'required') return choice;
  if (!choice || typeof choice !== 'object') return 'auto';
  if (choice.name) return { name: choice.name };
  if (choice.mode !== 'required') return 'auto';
  const allowed = choice.tools?.[0]?.name;
  return allowed ? { name: allowed } : 'required';
}

function jsonOf(text: InputTokensBody['text']): Ask['json'] {
  if (text?.format?.type === 'json_object') return { schema: undefined };
  if (text?.format?.type === 'json_schema') return { schema: text.format.schema };
  return null;
}
