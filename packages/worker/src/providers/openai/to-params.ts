import type { Generation, Tool } from '@llm-gateway/shared/contracts/generation';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import type OpenAI from 'openai';
import { toMessages } from './to-messages.ts';

type Params = OpenAI.ChatCompletionCreateParamsStreaming;

/** OpenAI's parameters of a generation. Always streamed: a silent provider is noticed, and long answers pass proxies. */
export function toParams(resolved: ResolvedModel, generation: Generation): Params {
  const { system, messages, maxTokens, temperature, topP, stop, seed, responseFormat } = generation;
  const { reasoningEffort, choices } = generation;
  const sampling = resolved.row?.samplingParameters ?? true;
  // Those that take a temperature do not reason, and refuse to be told how much to.
  const reasons = !resolved.row || !sampling;
  return {
    model: resolved.model,
    messages: [
      ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
      ...messages.flatMap(toMessages),
    ],
    stream: true,
    stream_options: { include_usage: true },
    ...(maxTokens === undefined ? {} : { max_completion_tokens: maxTokens }),
    ...(temperature === undefined || !sampling ? {} : { temperature }),
    ...(topP === undefined || !sampling ? {} : { top_p: topP }),
    ...(stop === undefined ? {} : { stop }),
    ...(seed === undefined ? {} : { seed }),
    ...(responseFormat === undefined ? {} : { response_format: toResponseFormat(responseFormat) }),
    ...toToolParams(generation),
    ...(reasoningEffort === undefined || !reasons ? {} : { reasoning_effort: reasoningEffort }),
    ...(choices === undefined ? {} : { n: choices }),
  };
}

/** Without tools, a choice among them is refused. */
function toToolParams({ tools = [], toolChoice, parallelToolCalls }: Generation): Partial<Params> {
  if (tools.length === 0) return {};
  return {
    tools: tools.map(toTool),
    ...(toolChoice === undefined ? {} : { tool_choice: toToolChoice(toolChoice) }),
    ...(parallelToolCalls === undefined ? {} : { parallel_tool_calls: parallelToolCalls }),
  };
}

const toTool = ({ name, description, parameters, strict }: Tool): OpenAI.ChatCompletionFunctionTool => ({
  type: 'function',
  function: {
    name,
    ...(description === undefined ? {} : { description }),
    parameters,
    ...(strict === undefined ? {} : { strict }),
  },
});

const toToolChoice = (choice: NonNullable<Generation['toolChoice']>): OpenAI.ChatCompletionToolChoiceOption =>
  typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } };

function toResponseFormat(format: NonNullable<Generation['responseFormat']>): NonNullable<Params['response_format']> {
  if (format.type !== 'json_schema') return { type: format.type };
  const { name, schema, strict } = format;
  return { type: 'json_schema', json_schema: { name, schema, ...(strict === undefined ? {} : { strict }) } };
}
