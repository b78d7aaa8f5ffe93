import type { FinishReason } from '@llm-gateway/shared/contracts/answer';

const unified = new Map<string, FinishReason['unified']>(
  Object.entries({
    stop: 'stop',
    length: 'length',
    content_filter: 'content_filter',
    tool_calls: 'tool_calls',
    function_call: 'tool_calls',
  }),
);

/** OpenAI's `finish_reason` in our vocabulary. */
export const finishReason = (raw: string): FinishReason => ({ unified: unified.get(raw) ?? 'other', raw });
