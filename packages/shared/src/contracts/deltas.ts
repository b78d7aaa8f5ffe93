import type { Delta, Part } from './content.ts';

type Mergeable = Exclude<Delta, { type: 'tool-call' }>;

const isSameText = (left: Delta, right: Delta): left is Mergeable =>
  left.type !== 'tool-call' &&
  left.type === right.type &&
  left.choice === right.choice &&
  // A signature ends what it signs.
  !('signature' in left && left.signature !== undefined);

const isSameCall = (left: Delta, right: Delta) =>
  left.type === 'tool-call' &&
  right.type === 'tool-call' &&
  left.index === right.index &&
  left.choice === right.choice &&
  right.id === undefined;

/** Says the same in as few deltas as there can be: neighbours that go on with each other become one. */
export function mergeDeltas(deltas: readonly Delta[]): Delta[] {
  const merged: Delta[] = [];
  for (const delta of deltas) {
    const last = merged.at(-1);
    if (last && delta.type !== 'tool-call' && isSameText(last, delta)) {
      merged[merged.length - 1] = { ...last, ...delta, text: last.text + delta.text };
    } else if (last?.type === 'tool-call' && delta.type === 'tool-call' && isSameCall(last, delta)) {
      merged[merged.length - 1] = { ...last, arguments: last.arguments + delta.arguments };
    } else {
      merged.push(delta);
    }
  }
  return merged;
}

/** What deltas come to: the parts of the first choice, in the order in which they began. */
export function partsOfDeltas(deltas: readonly Delta[]): Part[] {
  const parts: Part[] = [];
  const calls = new Map<number, Extract<Part, { type: 'tool-call' }>>();
  for (const delta of deltas.filter(({ choice }) => choice === undefined)) {
    if (delta.type !== 'tool-call') {
      addText(parts, delta);
      continue;
    }
    const call = calls.get(delta.index);
    if (call) {
      call.arguments += delta.arguments;
      continue;
    }
    const begun = {
      type: 'tool-call' as const,
      id: delta.id ?? '',
      name: delta.name ?? '',
      arguments: delta.arguments,
    };
    calls.set(delta.index, begun);
    parts.push(begun);
  }
  return parts;
}

function addText(parts: Part[], delta: Mergeable): void {
  const last = parts.at(-1);
  const isOpen = last?.type === delta.type && !('signature' in last && last.signature !== undefined);
  if (!isOpen) {
    const { choice: _choice, ...part } = delta;
    parts.push({ ...part });
    return;
  }
  last.text += delta.text;
  if (last.type === 'reasoning' && 'signature' in delta && delta.signature !== undefined)
    last.signature = delta.signature;
}

/** The parts of an answer as one delta each. What only a prompt has is no delta. */
export function deltasOfParts(parts: readonly Part[]): Delta[] {
  let calls = 0;
  return parts.flatMap((part): Delta[] => {
    switch (part.type) {
      case 'text':
      case 'refusal':
      case 'reasoning':
        return [part];
      case 'tool-call': {
        const { id, name, arguments: given } = part;
        calls += 1;
        return [{ type: 'tool-call', index: calls - 1, id, name, arguments: given }];
      }
      default:
        return [];
    }
  });
}

/** The text that a reader sees of the first choice. */
export const visibleText = (deltas: readonly Delta[]): string =>
  deltas.map((delta) => (delta.type === 'text' && delta.choice === undefined ? delta.text : '')).join('');

/** Gathers all that a model writes, to be counted: each of its choices, which come in turns, as a text of its own. */
export function createWritten() {
  const texts: string[] = [];
  return {
    add(delta: Delta): void {
      const choice = delta.choice ?? 0;
      texts[choice] = (texts[choice] ?? '') + writtenText(delta);
    },
    texts: (): string[] => texts.filter((text) => text !== undefined && text !== ''),
  };
}

/** All that a model has written, to be counted: what is not seen is paid for as well. */
export const writtenText = (delta: Delta): string =>
  delta.type === 'tool-call' ? (delta.name ?? '') + delta.arguments : delta.text;
