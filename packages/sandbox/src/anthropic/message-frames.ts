import type { Answer } from '../answer/compose-answer.ts';
import type { Frame } from '../call/frame.ts';
import { toEnding, toOpeningMessage } from './message.ts';
import type { Block, MessageHead } from './message-blocks.ts';
import { type PromptUsage, toMessageUsage } from './message-usage.ts';

/** `prompt` is null when the usage is left out. */
export function* messageFrames(
  head: MessageHead,
  answer: Answer,
  blocks: Block[],
  prompt: PromptUsage | null,
): Generator<Frame> {
  // The first usage already counts a token: who adds the last one to it, instead of replacing it, is one too high.
  const soFar = { tokens: Math.min(1, answer.tokens), reasoningTokens: 0 };
  yield frame({ type: 'message_start', message: toOpeningMessage(head, prompt && toMessageUsage(prompt, soFar)) });

  for (const [index, block] of blocks.entries()) yield* blockFrames(block, index, index === blocks.length - 1);

  const usage = prompt === null ? {} : { usage: toMessageUsage(prompt, answer) };
  yield frame({ type: 'message_delta', delta: toEnding(head, answer), ...usage }, 0, true);
  yield frame({ type: 'message_stop' }, 0, true);
}

function* blockFrames({ opening, openingTokens, deltas }: Block, index: number, last: boolean): Generator<Frame> {
  yield frame({ type: 'content_block_start', index, content_block: opening }, openingTokens);
  if (index === 0) yield frame({ type: 'ping' });
  for (const { delta, tokens } of deltas) yield frame({ type: 'content_block_delta', index, delta }, tokens);
  yield frame({ type: 'content_block_stop', index }, 0, last);
}

function frame(data: { type: string } & Record<string, unknown>, tokens = 0, closing = false): Frame {
  return { event: data.type, data, tokens, closing };
}
