import type { Answer } from '../answer/compose-answer.ts';
import type { ResponsesBody } from './responses-body.ts';
import { servedTier } from './served-tier.ts';

type Status = 'in_progress' | 'completed' | 'incomplete' | 'failed';

export interface ResponseState {
  status: Status;
  output: object[];
  usage: object | null;
  error: object | null;
}

/** What is known of a response before anything of it is written. */
export interface ResponseHead {
  id: string;
  createdAt: number;
  finish: Answer['finish'];
  /** A member of no documented name; empty unless ordered. */
  unknown: Record<string, unknown>;
}

/** Every member is there, null where empty, as the vendor sends it. */
export function toResponse(
  body: ResponsesBody,
  { id, createdAt, finish, unknown }: ResponseHead,
  { status, output, usage, error }: ResponseState,
): object {
  return {
    id,
    object: 'response',
    created_at: createdAt,
    completed_at: status === 'completed' ? createdAt : null,
    status,
    error,
    incomplete_details: status === 'incomplete' ? { reason: incompleteReasons[finish] } : null,
    model: body.model,
    output,
    usage,
    ...echoOf(body),
    access_programs: null,
    conversation: null,
    moderation: null,
    prompt: null,
    presence_penalty: 0,
    frequency_penalty: 0,
    ...unknown,
  };
}

/** What was asked for, or what the vendor does when nothing was. */
function echoOf(body: ResponsesBody): object {
  return {
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: { effort: body.reasoning?.effort ?? null, summary: body.reasoning?.summary ?? null },
    background: body.background ?? false,
    service_tier: servedTier(body.service_tier),
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    top_p: body.top_p ?? 1,
    top_logprobs: body.top_logprobs ?? 0,
    text: body.text ?? { format: { type: 'text' }, verbosity: 'medium' },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    truncation: body.truncation ?? 'disabled',
    user: body.user ?? null,
    safety_identifier: body.safety_identifier ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    prompt_cache_retention: body.prompt_cache_retention ?? null,
    metadata: body.metadata ?? {},
  };
}

const incompleteReasons: Record<Answer['finish'], string | null> = {
  stop: null,
  'tool-call': null,
  refusal: null,
  length: 'max_output_tokens',
  'content-filter': 'content_filter',
};

export function statusOf(finish: Answer['finish']): 'completed' | 'incomplete' {
  return incompleteReasons[finish] === null ? 'completed' : 'incomplete';
}

export function toResponseUsage(promptTokens: number, { tokens, reasoningTokens }: Answer): object {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: tokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: promptTokens + tokens,
  };
}
