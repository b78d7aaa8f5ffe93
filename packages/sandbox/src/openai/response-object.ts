import type { Answer } from '../answer/compose-answer.ts';
import type { ResponsesBody } from './responses-body.ts';

/** The ids of one response, made before it is written: its stream refers to them again and again. */
export interface ResponseIds {
  id: string;
  itemId: string;
  toolCallId: string;
}

type Status = 'in_progress' | 'completed' | 'incomplete' | 'failed';

export interface ResponseState {
  status: Status;
  output: object[];
  usage: object | null;
  error: object | null;
}

/** Every member is there, null where empty, as the vendor sends it. */
export function toResponse(
  body: ResponsesBody,
  { id }: ResponseIds,
  createdAt: number,
  { status, output, usage, error }: ResponseState,
  finish: Answer['finish'],
): object {
  return {
    id,
    object: 'response',
    created_at: createdAt,
    completed_at: status === 'completed' ? createdAt : null,
    status,
    error,
    incomplete_details: status === 'incomplete' ? { reason: incompleteReasons[finish] } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: null,
    model: body.model,
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: { effort: null, summary: null },
    background: body.background ?? false,
    service_tier: 'default',
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    top_p: body.top_p ?? 1,
    presence_penalty: 0,
    frequency_penalty: 0,
    top_logprobs: 0,
    text: body.text ?? { format: { type: 'text' }, verbosity: 'medium' },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    truncation: 'disabled',
    usage,
    user: null,
    safety_identifier: null,
    prompt_cache_key: null,
    metadata: body.metadata ?? {},
  };
}

const incompleteReasons: Record<Answer['finish'], string | null> = {
  stop: null,
  'tool-call': null,
  length: 'max_output_tokens',
  'content-filter': 'content_filter',
};

export function statusOf(finish: Answer['finish']): 'completed' | 'incomplete' {
  return incompleteReasons[finish] === null ? 'completed' : 'incomplete';
}

/** The one item of the output: a message, or a call of a function. */
export function toOutputItem({ text, toolCall, finish }: Answer, { itemId, toolCallId }: ResponseIds): object {
  const status = statusOf(finish);
  if (!toolCall) return { id: itemId, type: 'message', status, role: 'assistant', content: [toOutputText(text)] };
  const { name, arguments: given } = toolCall;
  return { id: itemId, type: 'function_call', status, call_id: toolCallId, name, arguments: given };
}

export function toOutputText(text: string): object {
  return { type: 'output_text', text, annotations: [], logprobs: [] };
}

export function toResponseUsage(promptTokens: number, completionTokens: number): object {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: promptTokens + completionTokens,
  };
}
