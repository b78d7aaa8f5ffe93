import type { Delta } from '@llm-gateway/shared/contracts/content';
import { type JsonObject, objectOf, objectsOf, stringOf } from '../json-object.ts';
import { createCallReader } from './tool-calls.ts';

/** Reads what a chunk adds to each of its choices; of a whole object, all that they say. */
export function createChoiceReader() {
  const callReaders = new Map<number, ReturnType<typeof createCallReader>>();

  function callsOf(index: number, said: JsonObject): Delta[] {
    if (!said.tool_calls && !said.function_call) return [];
    const read = callReaders.get(index) ?? createCallReader();
    callReaders.set(index, read);
    return read(said);
  }

  return (choice: JsonObject): Delta[] => {
    // Azure sends choices without a delta.
    const said = objectOf(choice.delta ?? choice.message);
    const index = typeof choice.index === 'number' ? choice.index : 0;
    const deltas: Delta[] = [
      // Of compatible servers: the first as DeepSeek calls it, the second as OpenRouter and vLLM do.
      ...textDelta('reasoning', stringOf(said.reasoning_content) || stringOf(said.reasoning)),
      // Of a spoken answer, what it is in words.
      ...textDelta('text', stringOf(choice.text) + contentOf(said.content) + stringOf(objectOf(said.audio).transcript)),
      ...textDelta('refusal', stringOf(said.refusal)),
      ...callsOf(index, said),
    ];
    return index > 0 ? deltas.map((delta) => ({ ...delta, choice: index })) : deltas;
  };
}

const textDelta = (type: 'text' | 'refusal' | 'reasoning', text: string): Delta[] =>
  text === '' ? [] : [{ type, text }];

/** Some compatible servers write their content in parts. */
const contentOf = (content: unknown): string =>
  Array.isArray(content)
    ? objectsOf(content)
        .map((part) => (part.type === 'text' ? stringOf(part.text) : ''))
        .join('')
    : stringOf(content);
