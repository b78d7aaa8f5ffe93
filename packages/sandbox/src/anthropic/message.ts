import type { Answer } from '../answer/compose-answer.ts';

/** The ids of one message, made before it is written. */
export interface MessageHead {
  id: string;
  model: string;
  toolUseId: string;
}

export function toMessage(head: MessageHead, answer: Answer, usage: object | null): object {
  return { ...messageShell(head), content: toContent(head, answer), ...toEnding(answer), ...(usage ? { usage } : {}) };
}

/** The message as a stream opens it: nothing said yet, no reason to stop. */
export function toOpeningMessage(head: MessageHead, usage: object | null): object {
  const open = { stop_reason: null, stop_sequence: null, stop_details: null, container: null };
  return { ...messageShell(head), content: [], ...open, ...(usage ? { usage } : {}) };
}

export function toEnding({ finish, stopSequence }: Answer): object {
  return {
    stop_reason: stopSequence === null ? stopReasons[finish] : 'stop_sequence',
    stop_sequence: stopSequence,
    stop_details: finish === 'content-filter' ? { type: 'refusal', category: null, explanation: null } : null,
    container: null,
  };
}

export function toMessageUsage(inputTokens: number, outputTokens: number): object {
  return {
    input_tokens: inputTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    cache_creation: null,
    output_tokens: outputTokens,
    output_tokens_details: null,
    server_tool_use: null,
    service_tier: 'standard',
    inference_geo: null,
    speed: null,
  };
}

const stopReasons: Record<Answer['finish'], string> = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-call': 'tool_use',
  'content-filter': 'refusal',
};

function messageShell({ id, model }: MessageHead): object {
  return { id, type: 'message', role: 'assistant', model, diagnostics: null };
}

/** An empty answer has no block at all, as with the vendor. */
function toContent({ toolUseId }: MessageHead, { text, toolCall }: Answer): object[] {
  if (toolCall) {
    return [
      {
        type: 'tool_use',
        id: toolUseId,
        name: toolCall.name,
        input: JSON.parse(toolCall.arguments),
        caller: { type: 'direct' },
      },
    ];
  }
  return text === '' ? [] : [{ type: 'text', text, citations: null }];
}
