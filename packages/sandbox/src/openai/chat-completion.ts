import type { Answer } from '../answer/compose-answer.ts';

/** What every chunk and the plain object have in common. */
export interface ChatHead {
  id: string;
  created: number;
  model: string;
  service_tier: 'default';
  system_fingerprint: 'sandbox';
}

/** One choice, with the id its tool call would have. */
export interface ChatChoice {
  answer: Answer;
  toolCallId: string;
}

export const finishReasons = {
  stop: 'stop',
  length: 'length',
  'tool-call': 'tool_calls',
  'content-filter': 'content_filter',
} as const satisfies Record<Answer['finish'], string>;

export function toChatCompletion(head: ChatHead, choices: ChatChoice[], usage: object | null): object {
  return {
    ...head,
    object: 'chat.completion',
    choices: choices.map((choice, index) => ({
      index,
      message: toMessage(choice),
      logprobs: null,
      finish_reason: finishReasons[choice.answer.finish],
    })),
    ...(usage ? { usage } : {}),
  };
}

function toMessage({ answer, toolCallId }: ChatChoice): object {
  const { text, toolCall } = answer;
  const message = { role: 'assistant', content: toolCall ? null : text, refusal: null, annotations: [] };
  if (!toolCall) return message;
  const { name, arguments: given } = toolCall;
  return { ...message, tool_calls: [{ id: toolCallId, type: 'function', function: { name, arguments: given } }] };
}

export function toChatUsage(promptTokens: number, completionTokens: number): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}
