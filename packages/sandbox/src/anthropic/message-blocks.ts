import { createHash } from 'node:crypto';
import type { Answer } from '../answer/compose-answer.ts';
import type { ToolCall } from '../answer/compose-tool-calls.ts';
import { countTokens, splitIntoPieces } from '../answer/tokens.ts';

/** One block of the content: as it stands in the message, and how a stream builds it up. */
export interface Block {
  whole: object;
  opening: object;
  openingTokens: number;
  deltas: BlockDelta[];
}

interface BlockDelta {
  delta: object;
  tokens: number;
}

/** What is made or known before a message is written. */
export interface MessageHead {
  id: string;
  model: string;
  toolUseIds: string[];
  container: object | null;
  /** Whether what was thought is shown. */
  showsThinking: boolean;
  /** Members of no documented name, for the message, each block and the first delta of each; empty unless ordered. */
  unknown: { message: object; block: object; delta: object };
}

// The vendor groups several tokens into a delta.
const TOKENS_PER_DELTA = 3;

/** An empty answer has no block at all, as with the vendor. */
export function toBlocks(head: MessageHead, answer: Answer): Block[] {
  const thinking = answer.reasoning === '' ? [] : [thinkingBlock(head, answer)];
  const calls = answer.toolCalls.map((call, index) => toolBlock(call, head.toolUseIds[index] ?? ''));
  const text = answer.text === '' ? [] : [textBlock(answer.text)];
  return [...thinking, ...calls, ...text].map((block) => withUnknown(block, head.unknown));
}

function thinkingBlock({ showsThinking }: MessageHead, { reasoning, reasoningTokens }: Answer): Block {
  const signature = createHash('sha256').update(reasoning).digest('base64');
  const shown = showsThinking ? reasoning : '';
  return {
    whole: { type: 'thinking', thinking: shown, signature },
    opening: { type: 'thinking', thinking: '', signature: '' },
    openingTokens: showsThinking ? 0 : reasoningTokens,
    deltas: [
      ...toDeltas(shown, (thinking) => ({ type: 'thinking_delta', thinking })),
      { delta: { type: 'signature_delta', signature }, tokens: 0 },
    ],
  };
}

function toolBlock({ name, arguments: given }: ToolCall, id: string): Block {
  const withInput = (input: unknown) => ({ type: 'tool_use', id, name, input, caller: { type: 'direct' } });
  return {
    whole: withInput(JSON.parse(given)),
    opening: withInput({}),
    openingTokens: countTokens(name),
    deltas: toDeltas(given, (partial_json) => ({ type: 'input_json_delta', partial_json })),
  };
}

function textBlock(text: string): Block {
  return {
    whole: { type: 'text', text, citations: null },
    opening: { type: 'text', text: '', citations: null },
    openingTokens: 0,
    deltas: toDeltas(text, (part) => ({ type: 'text_delta', text: part })),
  };
}

function toDeltas(text: string, toDelta: (part: string) => object): BlockDelta[] {
  return splitIntoPieces(text, TOKENS_PER_DELTA).map((piece) => ({ delta: toDelta(piece.text), tokens: piece.tokens }));
}

function withUnknown(block: Block, { block: member, delta: memberOfDelta }: MessageHead['unknown']): Block {
  const [first, ...rest] = block.deltas;
  return {
    ...block,
    whole: { ...block.whole, ...member },
    opening: { ...block.opening, ...member },
    deltas: first ? [{ ...first, delta: { ...first.delta, ...memberOfDelta } }, ...rest] : [],
  };
}
