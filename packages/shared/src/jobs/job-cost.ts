import { costUsd } from '../pricing/cost-usd.ts';
import type { JobRecord } from './job-record.ts';

/** What a job used and cost, as views and webhooks tell it; null before there is an answer. */
export function viewCost({ answer, free }: Pick<JobRecord, 'answer' | 'free'>) {
  if (!answer) return { usage: null, cost_usd: null };
  const { usage, usageSource } = answer;
  return {
    usage: {
      prompt_tokens: usage.promptTokens,
      completion_tokens: usage.completionTokens,
      total_tokens: usage.totalTokens,
      source: usageSource,
    },
    // Another job, or the one that filled the cache, has paid.
    cost_usd: free ? 0 : costUsd(answer),
  };
}
