import type { FinishReason } from '@llm-gateway/shared/contracts/answer';

const unified = new Map<string, FinishReason['unified']>(
  Object.entries({
    end_turn: 'stop',
    stop_sequence: 'stop',
    max_tokens: 'length',
    model_context_window_exceeded: 'length',
    tool_use: 'tool_calls',
    refusal: 'content_filter',
  }),
);

/** Anthropic's `stop_reason` in our vocabulary. */
export const finishReason = (raw: string): FinishReason => ({ unified: unified.get(raw) ?? 'other', raw });
