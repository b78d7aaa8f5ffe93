import type { Delta } from '@llm-gateway/shared/contracts/content';
import { isAnother } from '../grow-object.ts';
import { type JsonObject, objectOf, objectsOf, stringOf } from '../json-object.ts';

/** The calls of a message or a chunk, each with its number: by its place where the server gave it none. */
export const numberedCalls = (calls: unknown): JsonObject[] =>
  objectsOf(calls).map((call, place) => ({ ...call, index: typeof call.index === 'number' ? call.index : place }));

interface Begun {
  index: number;
  id: string;
  hasName: boolean;
}

/** Reads the tool calls of one choice, function calls of the older kind included. */
export function createCallReader() {
  const begun = new Map<unknown, Begun>();
  let count = 0;

  function toDelta(key: unknown, id: string, { name, arguments: given, input }: JsonObject): Delta {
    let call = begun.get(key);
    const isFirst = call === undefined || isAnother(call.id, id);
    if (call === undefined || isFirst) {
      call = { index: count, id, hasName: false };
      count += 1;
      begun.set(key, call);
    }
    const named = !call.hasName && typeof name === 'string' && name !== '';
    call.hasName ||= named;
    return {
      type: 'tool-call',
      index: call.index,
      ...(isFirst && id !== '' ? { id } : {}),
      ...(named ? { name: String(name) } : {}),
      arguments: stringOf(given ?? input),
    };
  }

  return (said: JsonObject): Delta[] => [
    ...numberedCalls(said.tool_calls).map((call) =>
      toDelta(call.index, stringOf(call.id), objectOf(call.function ?? call.custom)),
    ),
    ...(said.function_call ? [toDelta('function_call', '', objectOf(said.function_call))] : []),
  ];
}
