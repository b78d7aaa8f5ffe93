import type Anthropic from '@anthropic-ai/sdk';
import { type Generation, partsOf } from '@llm-gateway/shared/contracts/generation';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';

type Effort = Exclude<NonNullable<Generation['reasoningEffort']>, 'none'>;

const efforts = {
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'xhigh',
  max: 'max',
} as const satisfies Record<Effort, NonNullable<Anthropic.OutputConfig['effort']>>;

const budgets: Record<Effort, number> = {
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 24_576,
  max: 32_000,
};

// The least that Anthropic takes, and what is left for the answer in any case.
const budgetMin = 1024;
const answerMin = 1024;

// The day of Claude Sonnet 3.7, the first that thinks.
const thinkingSince = '2025-02-24';

interface EffortParams {
  effort?: NonNullable<Anthropic.OutputConfig['effort']>;
  thinking?: Anthropic.ThinkingConfigEnabled;
}

/**
 * How hard a model shall think, in the terms of its generation: those that decide it themselves are told an effort, those
 * before them a budget. It is a wish: where it would make the request a bad one, or nothing is known of the model, it is
 * left out.
 */
export function toEffort({ row }: ResolvedModel, generation: Generation, maxTokens: number): EffortParams {
  const { reasoningEffort } = generation;
  if (reasoningEffort === undefined || reasoningEffort === 'none' || row === undefined) return {};
  if (row.samplingParameters === false) return { effort: efforts[reasoningEffort] };
  if ((row.createdOn ?? thinkingSince) < thinkingSince || forbidsThinking(generation)) return {};
  const budget = Math.min(budgets[reasoningEffort], maxTokens - answerMin);
  return budget < budgetMin ? {} : { thinking: { type: 'enabled', budget_tokens: budget } };
}

/** Who thinks takes no sampling parameters and no order to call a tool, and wants to see what it thought before a call. */
function forbidsThinking({ temperature, topP, tools, toolChoice, messages }: Generation): boolean {
  const isForced = Boolean(tools?.length) && (toolChoice === 'required' || typeof toolChoice === 'object');
  return temperature !== undefined || topP !== undefined || isForced || messages.some(callsWithoutThought);
}

function callsWithoutThought(message: Generation['messages'][number]): boolean {
  const parts = partsOf(message);
  const call = parts.findIndex(({ type }) => type === 'tool-call');
  const thought = parts.findIndex((part) => part.type === 'reasoning' && part.signature !== undefined);
  return call !== -1 && (thought === -1 || thought > call);
}
