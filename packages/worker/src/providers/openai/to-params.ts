import { type Generation, type Message, partsOf } from '@llm-gateway/shared/contracts/generation';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import type OpenAI from 'openai';

type Params = OpenAI.ChatCompletionCreateParamsStreaming;

/** OpenAI's parameters of a generation. Always streamed: a silent provider is noticed, and long answers pass proxies. */
export function toParams(resolved: ResolvedModel, generation: Generation): Params {
  const { system, messages, maxTokens, temperature, topP, stop, seed, responseFormat } = generation;
  const sampling = resolved.row?.samplingParameters ?? true;
  return {
    model: resolved.model,
    messages: [
      ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
      ...messages.map((message) => ({ role: message.role, content: textOf(message) })),
    ],
    stream: true,
    stream_options: { include_usage: true },
    ...(maxTokens === undefined ? {} : { max_completion_tokens: maxTokens }),
    ...(temperature === undefined || !sampling ? {} : { temperature }),
    ...(topP === undefined || !sampling ? {} : { top_p: topP }),
    ...(stop === undefined ? {} : { stop }),
    ...(seed === undefined ? {} : { seed }),
    ...(responseFormat === undefined ? {} : { response_format: toResponseFormat(responseFormat) }),
  };
}

function toResponseFormat(format: NonNullable<Generation['responseFormat']>): NonNullable<Params['response_format']> {
  if (format.type !== 'json_schema') return { type: format.type };
  const { name, schema, strict } = format;
  return { type: 'json_schema', json_schema: { name, schema, ...(strict === undefined ? {} : { strict }) } };
}

const textOf = (message: Message) =>
  partsOf(message)
    .map((part) => (part.type === 'text' ? part.text : ''))
    .join('');
