import { z } from 'zod';
import type { Ask, Prompt, Tool } from '../answer/ask.ts';
import { contentPart, modelName, readContent } from '../call/body-parts.ts';

const inputItem = z.looseObject({
  type: z.string().nullish(),
  role: z.string().nullish(),
  content: z.union([z.string(), z.array(contentPart)]).nullish(),
  arguments: z.string().nullish(),
  output: z.union([z.string(), z.array(contentPart)]).nullish(),
});

export const responsesBody = z.looseObject({
  model: modelName,
  input: z.union([z.string(), z.array(inputItem)]),
  instructions: z.string().nullish(),
  previous_response_id: z.string().nullish(),
  stream: z.boolean().nullish(),
  store: z.boolean().nullish(),
  background: z.boolean().nullish(),
  max_output_tokens: z.int().min(0).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  tools: z
    .array(
      z.looseObject({
        type: z.string(),
        name: z.string().nullish(),
        description: z.string().nullish(),
        parameters: z.unknown(),
      }),
    )
    .nullish(),
  tool_choice: z.union([z.string(), z.looseObject({ type: z.string(), name: z.string().nullish() })]).nullish(),
  text: z.looseObject({ format: z.looseObject({ type: z.string(), schema: z.unknown() }).nullish() }).nullish(),
});

export type ResponsesBody = z.infer<typeof responsesBody>;

export function askOfResponses(body: ResponsesBody): Ask {
  return {
    model: body.model,
    prompt: promptOf(body),
    tools: (body.tools ?? []).flatMap(toTool),
    toolChoice: toolChoiceOf(body.tool_choice),
    json: jsonOf(body.text),
    stop: [],
    tokensMax: body.max_output_tokens || null,
  };
}

function promptOf({ input, instructions }: ResponsesBody): Prompt {
  const items = typeof input === 'string' ? [{ content: input }] : input;
  const read = items.map(readItem);
  return {
    texts: [...(instructions ? [instructions] : []), ...read.flatMap(({ texts }) => texts)],
    last: read.at(-1)?.texts.join('\n') ?? '',
    messages: items.length + (instructions ? 1 : 0),
    attachments: read.reduce((sum, { attachments }) => sum + attachments, 0),
  };
}

function readItem(item: Partial<z.infer<typeof inputItem>>): { texts: string[]; attachments: number } {
  const said = readContent(item.content);
  const returned = readContent(item.output);
  const called = item.arguments ? [item.arguments] : [];
  return {
    texts: [...said.texts, ...called, ...returned.texts],
    attachments: said.attachments + returned.attachments,
  };
}

function toTool({ type, name, description, parameters }: NonNullable<ResponsesBody['tools']>[number]): Tool[] {
  if (type !== 'function' || !name) return [];
  return [{ name, description: description ?? '', schema: parameters }];
}

function toolChoiceOf(choice: ResponsesBody['tool_choice']): Ask['toolChoice'] {
  if (choice === 'none' || choice === 'required') return choice;
  return choice && typeof choice === 'object' && choice.name ? { name: choice.name } : 'auto';
}

function jsonOf(text: ResponsesBody['text']): Ask['json'] {
  if (text?.format?.type === 'json_object') return { schema: undefined };
  if (text?.format?.type === 'json_schema') return { schema: text.format.schema };
  return null;
}
