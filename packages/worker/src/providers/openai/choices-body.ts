import { growObject } from '../grow-object.ts';
import { isObject, type JsonObject, objectOf, objectsOf } from '../json-object.ts';
import type { BodyBuilder } from '../native-answer.ts';
import { numberedCalls } from './tool-calls.ts';

/** A chat completion or a text completion of its chunks, with every member that they have, known to us or not. */
export function createChoicesBody(): BodyBuilder {
  const head: JsonObject = {};
  const choices = new Map<number, JsonObject>();

  return {
    take(chunk) {
      // The padding of a chunk hides its length, and is no part of the answer.
      const { choices: more, obfuscation: _padding, ...rest } = chunk;
      sayLast(head, rest);
      for (const choice of objectsOf(more)) {
        const index = typeof choice.index === 'number' ? choice.index : 0;
        const begun = choices.get(index) ?? { index };
        choices.set(index, begun);
        takeChoice(begun, choice);
      }
    },
    body() {
      const { usage, ...rest } = head;
      const object = head.object === 'chat.completion.chunk' ? { object: 'chat.completion' } : {};
      const inOrder = [...choices].sort(([left], [right]) => left - right).map(([, choice]) => toWholeChoice(choice));
      return { ...rest, ...object, choices: inOrder, ...(usage === undefined ? {} : { usage }) };
    },
  };
}

function takeChoice(begun: JsonObject, { delta, text, logprobs, ...rest }: JsonObject): void {
  if (delta !== undefined) {
    begun.message ??= { role: 'assistant', content: null };
    growObject(objectOf(begun.message), withNumberedCalls(objectOf(delta)));
  }
  if (typeof text === 'string') begun.text = `${begun.text ?? ''}${text}`;
  if (logprobs !== undefined) begun.logprobs = growLogprobs(begun.logprobs, logprobs);
  sayLast(begun, rest);
}

/** What is said of the whole: the last that was said of it, unless that is nothing. */
function sayLast(said: JsonObject, more: JsonObject): void {
  for (const [key, value] of Object.entries(more)) {
    const isNothing = value === null || value === '';
    if (key !== '__proto__' && !(isNothing && Object.hasOwn(said, key))) said[key] = value;
  }
}

/** Lists of tokens, which grow at their ends whatever the tokens are called. */
function growLogprobs(said: unknown, more: unknown): unknown {
  if (!isObject(more)) return said ?? more;
  const grown = objectOf(said);
  for (const [key, value] of Object.entries(more)) {
    const begun = grown[key];
    if (Array.isArray(begun) && Array.isArray(value)) begun.push(...value);
    else grown[key] = Array.isArray(value) ? [...value] : (value ?? begun ?? null);
  }
  return grown;
}

const withNumberedCalls = (delta: JsonObject): JsonObject =>
  Array.isArray(delta.tool_calls) ? { ...delta, tool_calls: numberedCalls(delta.tool_calls) } : delta;

/** Unstreamed, calls have no number, and a message with nothing but them has no content. */
function toWholeChoice(choice: JsonObject): JsonObject {
  if (!isObject(choice.message)) return choice;
  const { content, tool_calls: calls, ...rest } = choice.message;
  const saysOther = calls ?? rest.function_call ?? rest.audio ?? rest.refusal ?? null;
  const message = {
    ...rest,
    content: content === '' && saysOther !== null ? null : content,
    ...(Array.isArray(calls) ? { tool_calls: objectsOf(calls).map(({ index: _index, ...call }) => call) } : {}),
  };
  return { ...choice, message };
}
