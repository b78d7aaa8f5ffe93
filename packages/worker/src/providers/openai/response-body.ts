import { isObject, type JsonObject, objectOf, objectsOf, stringOf } from '../json-object.ts';
import type { BodyBuilder } from '../native-answer.ts';

/** The events that end a response, each of which carries all of it. */
export const lastEvents: readonly string[] = ['response.completed', 'response.incomplete', 'response.failed'];

// Where the text of each delta goes: the list of the item's that has the part, the part's number, and its member.
const partDeltas: Record<string, readonly [list: string, number: string, member: string]> = {
  'response.output_text.delta': ['content', 'content_index', 'text'],
  'response.refusal.delta': ['content', 'content_index', 'refusal'],
  'response.reasoning_text.delta': ['content', 'content_index', 'text'],
  'response.reasoning_summary_text.delta': ['summary', 'summary_index', 'text'],
};
const itemDeltas: Record<string, string> = {
  'response.function_call_arguments.delta': 'arguments',
  'response.mcp_call_arguments.delta': 'arguments',
  'response.custom_tool_call_input.delta': 'input',
  'response.code_interpreter_call_code.delta': 'code',
};
const addedParts: Record<string, readonly [list: string, number: string]> = {
  'response.content_part.added': ['content', 'content_index'],
  'response.content_part.done': ['content', 'content_index'],
  'response.reasoning_summary_part.added': ['summary', 'summary_index'],
  'response.reasoning_summary_part.done': ['summary', 'summary_index'],
};

/** A response of its events: the one that its last event carries, and until then as much as the others have told. */
export function createResponseBody(): BodyBuilder {
  let response: JsonObject = {};
  let isWhole = false;
  const items: JsonObject[] = [];

  function take(event: JsonObject): void {
    const type = stringOf(event.type);
    if (isObject(event.response)) {
      response = event.response;
      isWhole ||= lastEvents.includes(type);
    }
    const place = event.output_index;
    if (typeof place !== 'number') return;
    if (isObject(event.item)) items[place] = structuredClone(event.item);
    else takeInto(items[place], type, event);
  }

  return {
    take,
    body() {
      // Every place of the list is taken, or it could not be told in JSON.
      const output = items.filter((item) => item !== undefined);
      const hasOutput = isWhole && objectsOf(response.output).length > 0;
      return hasOutput || output.length === 0 ? response : { ...response, output };
    },
  };
}

function takeInto(item: JsonObject | undefined, type: string, event: JsonObject): void {
  if (item === undefined) return;
  const added = addedParts[type];
  if (added) {
    const [list, number] = added;
    partsOf(item, list)[Number(event[number])] = structuredClone(objectOf(event.part));
    return;
  }
  const member = itemDeltas[type];
  if (member) item[member] = stringOf(item[member]) + stringOf(event.delta);
  const [list, number, text] = partDeltas[type] ?? [];
  if (list === undefined || number === undefined || text === undefined) return;
  const part = partsOf(item, list)[Number(event[number])];
  if (part) part[text] = stringOf(part[text]) + stringOf(event.delta);
}

function partsOf(item: JsonObject, list: string): JsonObject[] {
  if (!Array.isArray(item[list])) item[list] = [];
  return item[list] as JsonObject[];
}
