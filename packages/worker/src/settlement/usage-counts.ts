import type { PricedAnswer } from '@llm-gateway/shared/contracts/answer';
import { usageField } from '@llm-gateway/shared/usage/usage-counters';

/** Usage counters of the job that pays for an answer: field, integer, … */
export function usageCounts(target: string, { usage, costNanoUsd }: PricedAnswer): (string | number)[] {
  const counts: (string | number)[] = [
    usageField(target, 'requests'),
    1,
    usageField(target, 'promptTokens'),
    usage.promptTokens,
    usageField(target, 'completionTokens'),
    usage.completionTokens,
  ];
  return costNanoUsd === null
    ? [...counts, usageField(target, 'unpriced'), 1]
    : [...counts, usageField(target, 'nanoUsd'), costNanoUsd];
}

/** Those of a job that shared its call: it was answered, and cost nothing. */
export const sharedCounts = (target: string): (string | number)[] => [
  usageField(target, 'requests'),
  1,
  usageField(target, 'coalesced'),
  1,
];
