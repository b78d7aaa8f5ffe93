import type { Answer } from '../answer/compose-answer.ts';
import type { ToolCall } from '../answer/compose-tool-calls.ts';
import type { TokenLogprob } from '../answer/logprobs.ts';

/** What every chunk and the plain object have in common. */
export interface ChatHead {
  id: string;
  created: number;
  model: string;
  service_tier: string;
  system_fingerprint: 'sandbox';
}

/** One choice, with the ids of its tool calls. */
export interface ChatChoice {
  answer: Answer;
  toolCallIds: string[];
  /** The call is a `function_call`, as it was before tools. */
  callsFunction: boolean;
  /** Of the text, piece by piece; null unless asked for. */
  logprobs: TokenLogprob[] | null;
  /** A member that is on every choice, whole or in a chunk, when the prompt ordered it. */
  unknown: Record<string, unknown>;
}

export const finishReasons = {
  stop: 'stop',
  length: 'length',
  'tool-call': 'tool_calls',
  'content-filter': 'content_filter',
  refusal: 'stop',
} as const satisfies Record<Answer['finish'], string>;

export function toChatCompletion(head: ChatHead, choices: ChatChoice[], usage: object | null): object {
  return {
    ...head,
    object: 'chat.completion',
    choices: choices.map((choice, index) => ({
      index,
      message: toMessage(choice),
      logprobs: toChoiceLogprobs(choice, choice.logprobs),
      finish_reason: finishReasonOf(choice),
      ...choice.unknown,
    })),
    ...(usage ? { usage } : {}),
  };
}

export function finishReasonOf({ answer, callsFunction }: ChatChoice): string {
  return callsFunction && answer.finish === 'tool-call' ? 'function_call' : finishReasons[answer.finish];
}

function toMessage({ answer, toolCallIds, callsFunction }: ChatChoice): object {
  const { text, refused, toolCalls } = answer;
  const said = refused ? { content: null, refusal: text } : { content: text, refusal: null };
  const message = { role: 'assistant', ...said, annotations: [] };
  const [first] = toolCalls;
  if (!first) return message;
  if (callsFunction) {
    return { ...message, content: null, function_call: { name: first.name, arguments: first.arguments } };
  }
  const calls = toolCalls.map((call, index) => toToolCall(call, toolCallIds[index] ?? '', call.arguments));
  return { ...message, content: null, tool_calls: calls };
}

/** With the arguments given, all of them or none yet. */
export function toToolCall({ name, custom }: ToolCall, id: string, given: string): object {
  if (custom) return { id, type: 'custom', custom: { name, input: given } };
  return { id, type: 'function', function: { name, arguments: given } };
}

/** Of the pieces given: in a chunk those of the chunk. */
export function toChoiceLogprobs({ answer }: ChatChoice, logprobs: TokenLogprob[] | null): object | null {
  if (!logprobs || answer.toolCalls.length > 0) return null;
  return answer.refused ? { content: null, refusal: logprobs } : { content: logprobs, refusal: null };
}

export function toChatUsage(promptTokens: number, answers: Pick<Answer, 'tokens' | 'reasoningTokens'>[]): object {
  const completionTokens = answers.reduce((sum, { tokens }) => sum + tokens, 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: answers.reduce((sum, { reasoningTokens }) => sum + reasoningTokens, 0),
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}
