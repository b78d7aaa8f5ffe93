import type { Answer } from '../answer/compose-answer.ts';
import { countTokens, splitIntoPieces } from '../answer/tokens.ts';
import type { Frame } from '../call/frame.ts';
import { type MessageHead, toEnding, toMessageUsage, toOpeningMessage } from './message.ts';

// The vendor groups several tokens into a delta.
const TOKENS_PER_DELTA = 3;

interface Block {
  opening: object;
  openingTokens: number;
  deltas: { delta: object; tokens: number }[];
}

/** `inputTokens` is null when the usage is left out. */
export function* messageFrames(head: MessageHead, answer: Answer, inputTokens: number | null): Generator<Frame> {
  // The first usage already counts a token: who adds the last one to it, instead of replacing it, is one too high.
  const usageSoFar = inputTokens === null ? null : toMessageUsage(inputTokens, Math.min(1, answer.tokens));
  yield frame({ type: 'message_start', message: toOpeningMessage(head, usageSoFar) });

  const block = blockOf(head, answer);
  if (block) yield* blockFrames(block);

  const usage = inputTokens === null ? {} : { usage: toMessageUsage(inputTokens, answer.tokens) };
  yield frame({ type: 'message_delta', delta: toEnding(answer), ...usage }, 0, true);
  yield frame({ type: 'message_stop' }, 0, true);
}

function* blockFrames({ opening, openingTokens, deltas }: Block): Generator<Frame> {
  yield frame({ type: 'content_block_start', index: 0, content_block: opening }, openingTokens);
  yield frame({ type: 'ping' });
  for (const { delta, tokens } of deltas) yield frame({ type: 'content_block_delta', index: 0, delta }, tokens);
  yield frame({ type: 'content_block_stop', index: 0 }, 0, true);
}

function blockOf({ toolUseId }: MessageHead, { text, toolCall }: Answer): Block | null {
  if (toolCall) {
    return {
      opening: { type: 'tool_use', id: toolUseId, name: toolCall.name, input: {}, caller: { type: 'direct' } },
      openingTokens: countTokens(toolCall.name),
      deltas: splitIntoPieces(toolCall.arguments, TOKENS_PER_DELTA).map((piece) => ({
        delta: { type: 'input_json_delta', partial_json: piece.text },
        tokens: piece.tokens,
      })),
    };
  }
  if (text === '') return null;
  return {
    opening: { type: 'text', text: '', citations: null },
    openingTokens: 0,
    deltas: splitIntoPieces(text, TOKENS_PER_DELTA).map((piece) => ({
      delta: { type: 'text_delta', text: piece.text },
      tokens: piece.tokens,
    })),
  };
}

function frame(data: { type: string } & Record<string, unknown>, tokens = 0, closing = false): Frame {
  return { event: data.type, data, tokens, closing };
}
