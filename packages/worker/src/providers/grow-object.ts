import { isObject, type JsonObject } from './json-object.ts';

// Said once: whoever says it again repeats it.
const labels = new Set(['id', 'type', 'name', 'role', 'object', 'call_id', 'model', 'format', 'index']);
// Written in pieces, of which two may be alike.
const written = new Set([
  ...['content', 'refusal', 'reasoning', 'reasoning_content', 'text', 'thinking', 'summary'],
  ...['arguments', 'input', 'data', 'transcript'],
]);

/**
 * Adds to an object what one piece of a stream says of it, by the same rules for members that are documented and for those
 * that are not:
 * - null says nothing new;
 * - of a label the first text stands, and what is written in pieces grows by each. A text of a member that we do not know
 *   goes on with the one that is there, unless it is the same: then it is a label said again;
 * - an entry of a list with an `index` goes on with the one of that index, unless it has an id of its own; any other is
 *   appended;
 * - objects are merged, and of numbers and truth values the last one stands.
 */
export function growObject(target: JsonObject, piece: JsonObject): void {
  for (const [key, value] of Object.entries(piece)) {
    // No member of any provider's, but one that would change the object's prototype.
    if (key === '__proto__') continue;
    const grown = growValue(key, Object.hasOwn(target, key) ? target[key] : undefined, value);
    if (grown !== undefined) target[key] = grown;
  }
}

function growValue(key: string, said: unknown, more: unknown): unknown {
  if (more === null) return said === undefined ? null : said;
  if (typeof said === 'string' && typeof more === 'string') return growText(key, said, more);
  if (Array.isArray(more)) return growList(Array.isArray(said) ? said : [], more);
  if (isObject(more)) {
    const object = isObject(said) ? said : {};
    growObject(object, more);
    return object;
  }
  return more;
}

function growText(key: string, said: string, more: string): string {
  if (labels.has(key)) return said || more;
  return written.has(key) || said !== more ? said + more : said;
}

function growList(list: unknown[], more: readonly unknown[]): unknown[] {
  for (const entry of more) {
    const begun = isObject(entry) ? begunEntry(list, entry) : undefined;
    if (isObject(entry) && begun) growObject(begun, entry);
    else list.push(growValue('', undefined, entry));
  }
  return list;
}

/** The entry that another one goes on with. */
function begunEntry(list: readonly unknown[], { index, id }: JsonObject): JsonObject | undefined {
  if (typeof index !== 'number') return undefined;
  const begun = list.findLast((entry): entry is JsonObject => isObject(entry) && entry.index === index);
  return begun && isAnother(begun.id, id) ? undefined : begun;
}

/** Whether an id is that of something else: servers exist that number all their tool calls 0. */
export const isAnother = (begun: unknown, id: unknown): boolean => Boolean(begun) && Boolean(id) && begun !== id;
