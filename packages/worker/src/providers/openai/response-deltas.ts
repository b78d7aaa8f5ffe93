import type { Delta } from '@llm-gateway/shared/contracts/content';
import { type JsonObject, objectOf, stringOf } from '../json-object.ts';

const texts: Record<string, 'text' | 'refusal' | 'reasoning'> = {
  'response.output_text.delta': 'text',
  'response.refusal.delta': 'refusal',
  'response.reasoning_text.delta': 'reasoning',
  'response.reasoning_summary_text.delta': 'reasoning',
};
const givens: readonly string[] = ['response.function_call_arguments.delta', 'response.custom_tool_call_input.delta'];

/** Reads what the events of a response add to it. Calls of hosted tools, which the client does not make, are none of it. */
export function createResponseReader() {
  // Our numbers of the calls, by their places in the output.
  const calls = new Map<unknown, number>();

  return (event: JsonObject): Delta[] => {
    const type = stringOf(event.type);
    const text = texts[type];
    if (text) return event.delta ? [{ type: text, text: stringOf(event.delta) }] : [];
    if (type === 'response.output_item.added') {
      const item = objectOf(event.item);
      if (!isCall(item)) return [];
      const index = calls.size;
      calls.set(event.output_index, index);
      const given = stringOf(item.arguments) || stringOf(item.input);
      return [{ type: 'tool-call', index, id: stringOf(item.call_id), name: stringOf(item.name), arguments: given }];
    }
    const index = calls.get(event.output_index);
    if (index === undefined || !givens.includes(type)) return [];
    return [{ type: 'tool-call', index, arguments: stringOf(event.delta) }];
  };
}

/** Whether an item of the output is a call that the client is asked to make. */
export const isCall = ({ type }: JsonObject): boolean => type === 'function_call' || type === 'custom_tool_call';
