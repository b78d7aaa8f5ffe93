import { type Generation, reasoningEfforts, type Tool } from '@llm-gateway/shared/contracts/generation';
import { createNativeOnly } from '../../../generation/no-counterpart.ts';
import type { Fault } from '../../../http/invalid-field.ts';
import type { ChatBody } from '../chat-body.ts';
import { readMessages } from './read-messages.ts';
import { needed } from './read-part.ts';

/** A body in the neutral form, and what of it has none. Throws `invalid_request` for what a schema cannot say. */
export function chatToGeneration(body: ChatBody): { generation: Generation; nativeOnly: Fault[] } {
  const { temperature, top_p, seed, parallel_tool_calls, n } = body;
  const { nativeOnly, refuse } = createNativeOnly();
  const said = readMessages(body.messages, refuse);
  const tools = toolsOf(body);
  const toolChoice = toolChoiceOf(body);
  const responseFormat = responseFormatOf(body);
  const reasoningEffort = reasoningEfforts.find((effort) => effort === body.reasoning_effort);
  const maxTokens = maxTokensOf(body);
  const stop = typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []);
  const isParallel = body.functions?.length ? false : parallel_tool_calls;
  const generation: Generation = {
    ...said,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(temperature == null ? {} : { temperature }),
    ...(top_p == null ? {} : { topP: top_p }),
    ...(stop.length === 0 ? {} : { stop }),
    ...(seed == null ? {} : { seed }),
    ...(responseFormat ? { responseFormat } : {}),
    ...(tools.length === 0 ? {} : { tools }),
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(isParallel == null ? {} : { parallelToolCalls: isParallel }),
    ...(reasoningEffort === undefined ? {} : { reasoningEffort }),
    ...(n == null || n === 1 ? {} : { choices: n }),
  };
  const untold = [
    ...(body.response_format && !responseFormat ? ['/response_format/type'] : []),
    ...(body.reasoning_effort && !reasoningEffort ? ['/reasoning_effort'] : []),
    ...(body.tool_choice && toolChoice === undefined ? ['/tool_choice'] : []),
    ...(body.tools ?? []).flatMap(({ type }, index) => (type === 'function' ? [] : [`/tools/${index}`])),
    ...Object.entries(hasNoCounterpart).flatMap(([name, isAsked]) => (isAsked(body) ? [`/${name}`] : [])),
  ];
  for (const pointer of untold) refuse(pointer);
  return { generation, nativeOnly };
}

/** Members that change what is answered and that only OpenAI's dialect has. Others are hints, or say what is usual. */
const hasNoCounterpart: Record<string, (body: ChatBody) => boolean> = {
  n: ({ n }) => (n ?? 1) > 1,
  logprobs: ({ logprobs }) => logprobs === true,
  top_logprobs: ({ top_logprobs }) => (top_logprobs ?? 0) > 0,
  modalities: ({ modalities }) => modalities?.some((modality) => modality !== 'text') === true,
  audio: ({ audio }) => audio != null,
  prediction: ({ prediction }) => prediction != null,
  web_search_options: ({ web_search_options }) => web_search_options != null,
  logit_bias: ({ logit_bias }) => Object.keys(logit_bias ?? {}).length > 0,
  presence_penalty: ({ presence_penalty }) => (presence_penalty ?? 0) !== 0,
  frequency_penalty: ({ frequency_penalty }) => (frequency_penalty ?? 0) !== 0,
  service_tier: ({ service_tier }) => !['auto', 'default'].includes(service_tier ?? 'auto'),
};

/** Zero is how some clients say that there is no limit. Of two, a server may know the older name alone: the greater holds. */
const maxTokensOf = ({ max_completion_tokens, max_tokens }: ChatBody): number | undefined =>
  Math.max(max_completion_tokens ?? 0, max_tokens ?? 0) || undefined;

type Declared = NonNullable<ChatBody['functions']>[number];

function toolsOf({ tools, functions }: ChatBody): Tool[] {
  const declared = (tools ?? []).flatMap((tool, index) =>
    tool.type === 'function' ? [needed(tool.function, `/tools/${index}/function`)] : [],
  );
  return [...declared, ...(functions ?? [])].map(toTool);
}

const toTool = ({ name, description, parameters, strict }: Declared): Tool => ({
  name,
  ...(description == null ? {} : { description }),
  parameters: parameters ?? { type: 'object', properties: {} },
  ...(strict == null ? {} : { strict }),
});

const toolChoices = ['auto', 'none', 'required'] as const;

function toolChoiceOf({ tool_choice, function_call }: ChatBody): Generation['toolChoice'] {
  const choice = tool_choice ?? function_call;
  if (!choice) return undefined;
  if (typeof choice === 'string') return toolChoices.find((known) => known === choice);
  if (!('type' in choice)) return { name: (choice as { name: string }).name };
  const { type, function: named } = choice as Exclude<NonNullable<ChatBody['tool_choice']>, string>;
  return type === 'function' ? { name: needed(named, '/tool_choice/function').name } : undefined;
}

function responseFormatOf({ response_format }: ChatBody): Generation['responseFormat'] {
  const { type, json_schema } = response_format ?? {};
  if (type === 'text' || type === 'json_object') return { type };
  if (type !== 'json_schema') return undefined;
  const { name, schema, strict } = needed(json_schema, '/response_format/json_schema');
  return { type, name, schema: schema ?? {}, ...(strict == null ? {} : { strict }) };
}
