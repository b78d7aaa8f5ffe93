import type { Answer } from '../answer/compose-answer.ts';
import type { Block, MessageHead } from './message-blocks.ts';

export function toMessage(head: MessageHead, answer: Answer, blocks: Block[], usage: object | null): object {
  const content = blocks.map(({ whole }) => whole);
  return { ...messageShell(head), content, ...toEnding(head, answer), ...(usage ? { usage } : {}) };
}

/** The message as a stream opens it: nothing said yet, no reason to stop. */
export function toOpeningMessage(head: MessageHead, usage: object | null): object {
  const open = { stop_reason: null, stop_sequence: null, stop_details: null, container: null };
  return { ...messageShell(head), content: [], ...open, ...(usage ? { usage } : {}) };
}

export function toEnding({ container }: MessageHead, { finish, stopSequence }: Answer): object {
  const stopReason = stopSequence === null ? stopReasons[finish] : 'stop_sequence';
  return {
    stop_reason: stopReason,
    stop_sequence: stopSequence,
    stop_details: stopReason === 'refusal' ? { type: 'refusal', category: null, explanation: null } : null,
    container,
  };
}

const stopReasons: Record<Answer['finish'], string> = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-call': 'tool_use',
  'content-filter': 'refusal',
  refusal: 'refusal',
};

function messageShell({ id, model, unknown }: MessageHead): object {
  return { id, type: 'message', role: 'assistant', model, diagnostics: null, ...unknown.message };
}
