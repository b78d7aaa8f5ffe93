import { z } from 'zod';
import type { Ask, Prompt, Tool } from '../answer/ask.ts';
import { type ContentPart, contentPart, modelName, readContent } from '../call/body-parts.ts';

const content = z.union([z.string(), z.array(contentPart)]);

const tool = z.looseObject({
  name: z.string().min(1),
  description: z.string().nullish(),
  input_schema: z.unknown(),
});

const counted = {
  model: modelName,
  messages: z.array(z.looseObject({ role: z.enum(['user', 'assistant', 'system']), content })).min(1),
  system: content.nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: z.looseObject({ type: z.enum(['auto', 'any', 'tool', 'none']), name: z.string().optional() }).nullish(),
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
    .looseObject({ format: z.looseObject({ type: z.string(), schema: z.unknown() }).nullish() })
    .nullish(),
});

export type CountTokensBody = z.infer<typeof countTokensBody>;
export type MessagesBody = z.infer<typeof messagesBody>;

export function askOfMessages(body: MessagesBody): Ask {
  return {
    model: body.model,
    ...countedPartOf(body),
    toolChoice: toolChoiceOf(body.tool_choice),
    json: body.output_config?.format?.type === 'json_schema' ? { schema: body.output_config.format.schema } : null,
    stop: body.stop_sequences ?? [],
    tokensMax: body.max_tokens,
  };
}

export function countedPartOf({ messages, system, tools }: CountTokensBody): Pick<Ask, 'prompt' | 'tools'> {
  return { prompt: promptOf(messages, system), tools: (tools ?? []).map(toTool) };
}

function promptOf(messages: CountTokensBody['messages'], system: CountTokensBody['system']): Prompt {
  const parts = [readContent(system), ...messages.map((message) => readMessage(message.content))];
  return {
    texts: parts.flatMap(({ texts }) => texts),
    last: parts.at(-1)?.texts.join('\n') ?? '',
    messages: messages.length + (system ? 1 : 0),
    attachments: parts.reduce((sum, { attachments }) => sum + attachments, 0),
  };
}

/** As text counts also what a tool was given and what it returned. */
function readMessage(given: string | ContentPart[]): { texts: string[]; attachments: number } {
  if (typeof given === 'string') return readContent(given);
  return readContent(given.map((block) => ({ ...block, text: block.text ?? toolText(block) })));
}

function toolText(block: ContentPart): string | null {
  if (block.type === 'tool_use') return JSON.stringify(block.input ?? {});
  if (block.type === 'tool_result')
    return typeof block.content === 'string' ? block.content : JSON.stringify(block.content ?? '');
  return null;
}

function toTool({ name, description, input_schema }: z.infer<typeof tool>): Tool {
  return { name, description: description ?? '', schema: input_schema };
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
