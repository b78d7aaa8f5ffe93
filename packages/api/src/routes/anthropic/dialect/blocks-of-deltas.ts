import type { Delta } from '@llm-gateway/shared/contracts/content';
import type { Typed } from './frame.ts';
import { type StreamBlock, textDelta } from './stream-block.ts';

/** Where a delta of the neutral form goes: into a block of the message, which it may begin. */
export interface Placed {
  index: number;
  /** Present where the block is new. */
  opening?: Typed;
  deltas: Typed[];
}

export interface PlacerOptions {
  /** Names a call that its provider has not named. */
  makeCallId: (index: number) => string;
  /** Whether the client asked to see what is thought. Nobody else wants blocks that a Claude would refuse to read again. */
  showsThinking: boolean;
}

/**
 * Builds a message's blocks of deltas: one block for what goes on without a break, one for every call of a tool. What is
 * not shown leaves no trace.
 */
export function createPlacer({ makeCallId, showsThinking }: PlacerOptions) {
  const calls = new Map<number, number>();
  let count = 0;
  /** What the last block is, while it can go on. */
  let last: Delta['type'] | undefined;

  function place(type: Delta['type'], opening: Typed, deltas: Typed[]): Placed {
    const isNew = last !== type;
    if (isNew) count += 1;
    last = type;
    return { index: count - 1, deltas, ...(isNew ? { opening } : {}) };
  }

  function placeCall(delta: Extract<Delta, { type: 'tool-call' }>): Placed {
    const deltas = textDelta('input_json_delta', delta.arguments);
    const known = calls.get(delta.index);
    if (known !== undefined) return { index: known, deltas };
    calls.set(delta.index, count);
    last = undefined;
    const id = delta.id || makeCallId(delta.index);
    const placed = place('tool-call', { type: 'tool_use', id, name: delta.name ?? '', input: {} }, deltas);
    return placed;
  }

  /** Undefined for what adds nothing to the message. */
  return (delta: Delta): Placed | undefined => {
    if (delta.choice !== undefined) return undefined;
    switch (delta.type) {
      case 'tool-call':
        return placeCall(delta);
      case 'text':
      case 'refusal':
        if (delta.text === '') return undefined;
        return place(delta.type, { type: 'text', text: '', citations: null }, textDelta('text_delta', delta.text));
      case 'reasoning': {
        const { text, signature } = delta;
        if (!showsThinking || (text === '' && !signature)) return undefined;
        const deltas = [...textDelta('thinking_delta', text), ...textDelta('signature_delta', signature)];
        const placed = place('reasoning', { type: 'thinking', thinking: '', signature: '' }, deltas);
        // A signature ends what it signs.
        if (signature !== undefined) last = undefined;
        return placed;
      }
    }
  };
}

export type Placer = ReturnType<typeof createPlacer>;

/** The blocks that deltas come to. */
export function blocksOfDeltas(deltas: readonly Delta[], place: Placer): StreamBlock[] {
  const blocks: StreamBlock[] = [];
  for (const delta of deltas) {
    const placed = place(delta);
    if (!placed) continue;
    if (placed.opening) blocks.push({ opening: placed.opening, deltas: [] });
    const block = blocks[placed.index];
    for (const more of placed.deltas) addDelta(block?.deltas ?? [], more);
  }
  return blocks;
}

/** One delta of each type holds all that there is of it. */
function addDelta(deltas: Typed[], more: Typed): void {
  const at = deltas.findIndex(({ type }) => type === more.type);
  const known = deltas[at];
  if (!known) {
    deltas.push(more);
    return;
  }
  const { type, ...texts } = more;
  const [member, text] = Object.entries(texts)[0] ?? ['', ''];
  deltas[at] = { ...known, type, [member]: `${known[member]}${text}` };
}
