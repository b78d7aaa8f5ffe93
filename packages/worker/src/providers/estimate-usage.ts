import { type Answer, type Usage, usage } from '@llm-gateway/shared/contracts/answer';
import type { Generation } from '@llm-gateway/shared/contracts/generation';
import { countPromptTokens } from '@llm-gateway/shared/tokens/count-prompt';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import { tokensAtMost } from '@llm-gateway/shared/tokens/tokens-at-most';

type Counter = Pick<TokenCounter, 'count'>;

/** What a provider told of its counts: all of it, the prompt's part alone, or nonsense. */
export type ReportedUsage = { [Part in keyof Usage]?: Usage[Part] | undefined };

// A hundred times the largest context there is. Beyond it a cost could pass what a Redis counter holds, and settlement
// would stop half-way: written, but not counted.
const believableTokens = 1_000_000_000;

/** Usage of a call whose provider did not report it, or reported the prompt alone. Never rejects. */
export async function estimateUsage(
  generation: Generation,
  written: readonly string[],
  counter: Counter,
  reported: ReportedUsage = {},
): Promise<Usage> {
  const sure = neverFailing(counter);
  const prompt = believable(promptPart(reported));
  const [promptTokens, completionTokens] = await Promise.all([
    prompt?.promptTokens ?? countPromptTokens(generation, sure),
    sure.count(written),
  ]);
  return { ...prompt, promptTokens, completionTokens, totalTokens: promptTokens + completionTokens };
}

/** The usage that a provider reported where it makes sense, else an estimate that is marked as one. */
export async function usageOrEstimate(
  reported: ReportedUsage | null,
  generation: Generation,
  written: readonly string[],
  counter: Counter,
): Promise<Pick<Answer, 'usage' | 'usageSource'>> {
  const whole = believable(reported);
  if (whole) return { usage: whole, usageSource: 'provider' };
  return { usage: await estimateUsage(generation, written, counter, reported ?? {}), usageSource: 'estimated' };
}

/** A count that is no count would be written to the record, and no reader could parse it again. */
function believable(reported: ReportedUsage | null): Usage | undefined {
  const { data } = usage.safeParse(reported);
  return data && Object.values(data).every((count) => (count ?? 0) <= believableTokens) ? data : undefined;
}

/** Parts of a completion that is not reported would be more than what they are parts of. */
const promptPart = (reported: ReportedUsage): ReportedUsage => ({
  ...reported,
  completionTokens: 0,
  totalTokens: reported.promptTokens,
  reasoningTokens: undefined,
  audioCompletionTokens: undefined,
});

/** An answer that is paid for must not be lost because it cannot be counted: it counts as much as it may be, then. */
const neverFailing = (counter: Counter): Counter => ({
  count: (texts) => counter.count(texts).catch(() => tokensAtMost(texts)),
});
