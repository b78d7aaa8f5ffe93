import type { Usage } from '@llm-gateway/shared/contracts/answer';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import { responseIdOf } from './item-ids.ts';

export type ResponseStatus = 'queued' | 'in_progress' | 'completed' | 'failed' | 'cancelled' | 'incomplete';

/** What becomes of a response while it is made. */
export interface ResponseState {
  status: ResponseStatus;
  model: string;
  output?: readonly object[];
  usage?: Usage | undefined;
  error?: { code: string; message: string } | undefined;
  incompleteReason?: string | undefined;
  completedMs?: number | undefined;
}

/** What stands in every state of a response: who it is, and what was asked of it. */
export interface ResponseHead {
  id: string;
  createdAt: number;
  /** The model that was asked for, as its provider names it. */
  model: string;
  settings: Readonly<Record<string, unknown>>;
}

type HeadSource = Pick<JobRecord, 'createdMs' | 'target' | 'generation' | 'metadata'>;

export function headOf(jobId: string, record: HeadSource): ResponseHead {
  return {
    id: responseIdOf(jobId),
    createdAt: toSeconds(record.createdMs),
    model: resolveModel(record.target)?.model ?? record.target,
    settings: settingsOf(record),
  };
}

const toSeconds = (ms: number) => Math.floor(ms / 1000);

/** What was asked for, or what is done where nothing was. */
function settingsOf({ generation: { native }, metadata }: HeadSource): Record<string, unknown> {
  const asked: Record<string, unknown> = { ...native?.body, ...native?.asked };
  const text = membersOf(asked.text);
  const reasoning = membersOf(asked.reasoning);
  const tier = asked.service_tier;
  return {
    instructions: asked.instructions ?? null,
    max_output_tokens: asked.max_output_tokens ?? null,
    max_tool_calls: asked.max_tool_calls ?? null,
    parallel_tool_calls: asked.parallel_tool_calls ?? true,
    previous_response_id: asked.previous_response_id ?? null,
    reasoning: { ...reasoning, effort: reasoning.effort ?? null, summary: reasoning.summary ?? null },
    background: asked.background ?? false,
    service_tier: tier == null || tier === 'auto' ? 'default' : tier,
    store: asked.store ?? true,
    temperature: asked.temperature ?? 1,
    top_p: asked.top_p ?? 1,
    top_logprobs: asked.top_logprobs ?? 0,
    presence_penalty: 0,
    frequency_penalty: 0,
    text: { ...text, format: text.format ?? { type: 'text' }, verbosity: text.verbosity ?? 'medium' },
    tool_choice: asked.tool_choice ?? 'auto',
    tools: Array.isArray(asked.tools) ? asked.tools.map(viewTool) : [],
    truncation: asked.truncation ?? 'disabled',
    user: asked.user ?? null,
    safety_identifier: asked.safety_identifier ?? null,
    prompt_cache_key: asked.prompt_cache_key ?? null,
    metadata: asked.metadata ?? metadata,
  };
}

const membersOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

function viewTool(tool: unknown): object {
  const given = membersOf(tool);
  if (given.type !== 'function') return given;
  return {
    ...given,
    description: given.description ?? null,
    parameters: given.parameters ?? null,
    strict: given.strict ?? null,
  };
}

/** A response with all its members, null where they are empty. */
export function toResponse({ id, createdAt, settings }: ResponseHead, state: ResponseState): Record<string, unknown> {
  const { status, model, output = [], usage, error, incompleteReason, completedMs } = state;
  return {
    id,
    object: 'response',
    created_at: createdAt,
    completed_at: completedMs === undefined ? null : toSeconds(completedMs),
    status,
    error: error ?? null,
    incomplete_details: incompleteReason === undefined ? null : { reason: incompleteReason },
    model,
    output,
    usage: usage ? viewUsage(usage) : null,
    ...settings,
  };
}

const viewUsage = (usage: Usage): object => ({
  input_tokens: usage.promptTokens,
  input_tokens_details: {
    cached_tokens: usage.cachedPromptTokens ?? 0,
    cache_write_tokens: usage.cacheWriteTokens ?? 0,
  },
  output_tokens: usage.completionTokens,
  output_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
  total_tokens: usage.totalTokens,
});

/** A response that its provider made, under our name and as its client asked for it. */
export function ownResponse(
  { id, settings }: ResponseHead,
  body: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { background, previous_response_id } = settings;
  return {
    ...body,
    id,
    ...('background' in body || background === true ? { background } : {}),
    ...('previous_response_id' in body || previous_response_id !== null ? { previous_response_id } : {}),
  };
}
