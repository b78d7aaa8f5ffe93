import { type Answer, type Usage, usage } from '@llm-gateway/shared/contracts/answer';
import type { Generation } from '@llm-gateway/shared/contracts/generation';

// OpenAI's rule of thumb for English; only used where a provider reports nothing, and marked as an estimate.
const charactersPerToken = 4;

// A hundred times the largest context there is. Beyond it a cost could pass what a Redis counter holds, and settlement
// would stop half-way: written, but not counted.
const believableTokens = 1_000_000_000;

const tokens = (text: string) => Math.ceil(text.length / charactersPerToken);

/** Usage of a call whose provider did not report it. */
export function estimateUsage(generation: Generation, text: string): Usage {
  const promptTokens = tokens(
    [generation.system ?? '', ...generation.messages.map((message) => message.text)].join('\n'),
  );
  const completionTokens = tokens(text);
  return { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens };
}

/** The usage that a provider reported where it makes sense, else an estimate that is marked as one. */
export function usageOrEstimate(
  reported: Usage | null,
  generation: Generation,
  text: string,
): Pick<Answer, 'usage' | 'usageSource'> {
  // A count that is no count would be written to the record, and no reader could parse it again.
  const checked = usage.safeParse(reported);
  return checked.success && Object.values(checked.data).every((count) => (count ?? 0) <= believableTokens)
    ? { usage: checked.data, usageSource: 'provider' }
    : { usage: estimateUsage(generation, text), usageSource: 'estimated' };
}
