import type Anthropic from '@anthropic-ai/sdk';
import type { Generation, Tool } from '@llm-gateway/shared/contracts/generation';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import { toEffort } from './to-effort.ts';
import { toMessages } from './to-messages.ts';

// Anthropic demands max_tokens. A model that our table does not know gets what every Claude model since 3 accepts.
const fallbackMaxTokens = 4096;

/** The SDK's types follow an API version without these; on the version that we send, the models take them. */
interface Sampling {
  temperature?: number;
  top_p?: number;
}

type Params = Anthropic.MessageCreateParamsStreaming & Sampling;

/** Anthropic's parameters of a generation. Always streamed, for the reasons given for OpenAI. */
export function toParams(resolved: ResolvedModel, generation: Generation): Params {
  const { system, messages, temperature, topP, stop } = generation;
  const sampling = resolved.row?.samplingParameters ?? true;
  const maxTokens = generation.maxTokens ?? resolved.row?.maxOutputTokens ?? fallbackMaxTokens;
  const { effort, thinking } = toEffort(resolved, generation, maxTokens);
  return {
    model: resolved.model,
    stream: true,
    max_tokens: maxTokens,
    messages: toMessages(messages),
    ...(system === undefined ? {} : { system }),
    ...(temperature === undefined || !sampling ? {} : { temperature }),
    ...(topP === undefined || !sampling ? {} : { top_p: topP }),
    ...(stop === undefined ? {} : { stop_sequences: stop }),
    ...toToolParams(generation),
    ...(thinking === undefined ? {} : { thinking }),
    ...toOutputConfig(generation, effort),
  };
}

function toOutputConfig({ responseFormat }: Generation, effort: Anthropic.OutputConfig['effort']): Partial<Params> {
  const schema = responseFormat?.type === 'json_schema' ? responseFormat.schema : undefined;
  if (schema === undefined && effort === undefined) return {};
  return {
    output_config: {
      ...(schema === undefined ? {} : { format: { type: 'json_schema', schema } }),
      ...(effort === undefined ? {} : { effort }),
    },
  };
}

/** Whether tools may be called at once is a part of the choice among them. */
function toToolParams({ tools = [], toolChoice, parallelToolCalls }: Generation): Partial<Params> {
  if (tools.length === 0) return {};
  if (toolChoice === undefined && parallelToolCalls === undefined) return { tools: tools.map(toTool) };
  const choice = toToolChoice(toolChoice);
  const oneByOne = parallelToolCalls === undefined ? {} : { disable_parallel_tool_use: !parallelToolCalls };
  return { tools: tools.map(toTool), tool_choice: choice.type === 'none' ? choice : { ...choice, ...oneByOne } };
}

const toTool = ({ name, description, parameters, strict }: Tool): Anthropic.Tool => ({
  name,
  ...(description === undefined ? {} : { description }),
  input_schema: { ...parameters, type: 'object' },
  ...(strict === undefined ? {} : { strict }),
});

function toToolChoice(choice: Generation['toolChoice'] = 'auto'): Anthropic.ToolChoice {
  if (typeof choice === 'object') return { type: 'tool', name: choice.name };
  return { type: choice === 'required' ? 'any' : choice };
}
