import { isObject, type JsonObject } from '../json-object.ts';

/**
 * The input of a tool, of the JSON that a model wrote: none is an empty object. What broke off or never was an object is
 * told as Anthropic's documentation says (Fine-grained tool streaming, "Handling invalid JSON").
 */
export function parseInput(json: string): JsonObject {
  if (json.trim() === '') return {};
  try {
    const input: unknown = JSON.parse(json);
    if (isObject(input)) return input;
  } catch {}
  return { INVALID_JSON: json };
}
