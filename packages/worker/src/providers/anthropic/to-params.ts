import type Anthropic from '@anthropic-ai/sdk';
import { type Generation, type Message, partsOf } from '@llm-gateway/shared/contracts/generation';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';

// Anthropic demands max_tokens. A model that our table does not know gets what every Claude model since 3 accepts.
const fallbackMaxTokens = 4096;

/** The SDK's types follow an API version without these; on the version that we send, the models take them. */
interface Sampling {
  temperature?: number;
  top_p?: number;
}

/** Anthropic's parameters of a generation. Always streamed, for the reasons given for OpenAI. */
export function toParams(
  resolved: ResolvedModel,
  generation: Generation,
): Anthropic.MessageCreateParamsStreaming & Sampling {
  const { system, messages, maxTokens, temperature, topP, stop } = generation;
  const sampling = resolved.row?.samplingParameters ?? true;
  return {
    model: resolved.model,
    stream: true,
    max_tokens: maxTokens ?? resolved.row?.maxOutputTokens ?? fallbackMaxTokens,
    messages: messages.map((message) => ({ role: message.role, content: textOf(message) })),
    ...(system === undefined ? {} : { system }),
    ...(temperature === undefined || !sampling ? {} : { temperature }),
    ...(topP === undefined || !sampling ? {} : { top_p: topP }),
    ...(stop === undefined ? {} : { stop_sequences: stop }),
  };
}

const textOf = (message: Message) =>
  partsOf(message)
    .map((part) => (part.type === 'text' ? part.text : ''))
    .join('');
