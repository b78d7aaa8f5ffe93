import type { Chunk, ChunkChoice, ChunkDelta, ChunkToolCall } from './chunk.ts';

/** How much of a text has been said, and its last characters, by which it is known again. */
interface Told {
  length: number;
  tail: string;
}

// Far fewer than a text has, and yet hardly the same of another text.
const tailMax = 64;

const nothing: Told = { length: 0, tail: '' };

/** A text that what has been said is not the beginning of. */
class AnotherText extends Error {}

/** What a reader of a stream has been told of its answers: not the text itself, which would be kept for every reader. */
export function createSaid() {
  const told = new Map<string, Told>();

  function add(key: string, text: string): void {
    const { length, tail } = told.get(key) ?? nothing;
    told.set(key, { length: length + text.length, tail: (tail + text).slice(-tailMax) });
  }

  /** What follows in a text of which a part has been said. */
  function restOf(key: string, text: string): string {
    const { length, tail } = told.get(key) ?? nothing;
    if (text.slice(Math.max(0, length - tail.length), length) !== tail || text.length < length) throw new AnotherText();
    return text.slice(length);
  }

  function restOfCall(choice: number, call: ChunkToolCall): ChunkToolCall | undefined {
    const key = keyOfCall(choice, call);
    if (call.id !== undefined || call.type !== undefined) return told.has(key) ? undefined : call;
    const { function: called, custom } = call;
    const text = restOf(key, textOfCall(call));
    if (text === '') return undefined;
    return {
      ...call,
      ...(called ? { function: { ...called, arguments: text } } : {}),
      ...(custom ? { custom: { ...custom, input: text } } : {}),
    };
  }

  function restOfDelta(choice: number, delta: ChunkDelta): ChunkDelta {
    if (delta.role !== undefined) return told.has(`${choice}`) ? {} : delta;
    const { content, refusal, function_call, tool_calls } = delta;
    const calls = tool_calls?.flatMap((call) => restOfCall(choice, call) ?? []) ?? [];
    const given = function_call && restOf(`${choice} function`, function_call.arguments ?? '');
    const isNamed = told.has(`${choice} function`);
    const words = content && restOf(`${choice} content`, content);
    const refused = refusal && restOf(`${choice} refusal`, refusal);
    return {
      ...(words ? { content: words } : {}),
      ...(refused ? { refusal: refused } : {}),
      ...(given || (function_call && !isNamed)
        ? { function_call: { ...(isNamed ? {} : function_call), arguments: given ?? '' } }
        : {}),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    };
  }

  function restOfChoice(choice: ChunkChoice): ChunkChoice | undefined {
    const { index, delta, text, finish_reason } = choice;
    if (finish_reason != null && told.has(`${index} end`)) return undefined;
    if (delta) {
      const rest = restOfDelta(index, delta);
      return Object.keys(rest).length === 0 && finish_reason == null ? undefined : { ...choice, delta: rest };
    }
    const rest = restOf(`${index} text`, text ?? '');
    return rest === '' && finish_reason == null ? undefined : { ...choice, text: rest };
  }

  return {
    hasBegun: () => told.size > 0,

    /** Whether so many answers have been told to their end. */
    areEnded: (count: number) => [...told.keys()].filter((key) => key.endsWith(' end')).length >= count,

    note({ choices = [] }: Chunk): void {
      for (const { index, delta = {}, text, finish_reason } of choices) {
        add(`${index}`, '');
        if (text) add(`${index} text`, text);
        if (delta.content) add(`${index} content`, delta.content);
        if (delta.refusal) add(`${index} refusal`, delta.refusal);
        if (delta.function_call) add(`${index} function`, delta.function_call.arguments ?? '');
        for (const call of delta.tool_calls ?? []) add(keyOfCall(index, call), textOfCall(call));
        if (finish_reason != null) add(`${index} end`, '');
      }
    },

    /** What of an answer's chunks has yet to be said; undefined where it is not the answer that has been begun. */
    restOf(chunks: readonly Chunk[]): Chunk[] | undefined {
      try {
        return chunks.flatMap((chunk) => {
          const choices = (chunk.choices ?? []).flatMap((choice) => restOfChoice(choice) ?? []);
          return choices.length === 0 ? [] : [{ ...chunk, choices }];
        });
      } catch (error) {
        if (error instanceof AnotherText) return undefined;
        throw error;
      }
    },
  };
}

const keyOfCall = (choice: number, { index }: ChunkToolCall) => `${choice} call ${index}`;

const textOfCall = ({ function: called, custom }: ChunkToolCall): string => called?.arguments ?? custom?.input ?? '';
