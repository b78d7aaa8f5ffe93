import type { Usage } from '@llm-gateway/shared/contracts/answer';
import type { Generation } from '@llm-gateway/shared/contracts/generation';

// OpenAI's rule of thumb for English; only used where a provider reports nothing, and marked as an estimate.
const charactersPerToken = 4;

const tokens = (text: string) => Math.ceil(text.length / charactersPerToken);

/** Usage of a call whose provider did not report it. */
export function estimateUsage(generation: Generation, text: string): Usage {
  const promptTokens = tokens(
    [generation.system ?? '', ...generation.messages.map((message) => message.text)].join('\n'),
  );
  const completionTokens = tokens(text);
  return { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens };
}
