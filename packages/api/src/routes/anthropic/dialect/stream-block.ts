import type { Json, Typed } from './frame.ts';

/** A block of a message as a stream tells it: how it opens, and what is added to it. Of a type there is one delta, but of citations. */
export interface StreamBlock {
  opening: Typed;
  deltas: Typed[];
}

/**
 * Where the arguments of a call stand that are no JSON object, because the call was cut off or a model got them wrong: the
 * name by which Anthropic has them told (Fine-grained tool streaming, "Handling invalid JSON in tool responses"). So nothing
 * is lost, and nothing is made up.
 */
export const invalidJson = 'INVALID_JSON';

/** The member of a delta that holds its text. */
export const deltaMembers = {
  text_delta: 'text',
  thinking_delta: 'thinking',
  signature_delta: 'signature',
  input_json_delta: 'partial_json',
} as const satisfies Record<string, string>;

export const memberOfDelta = (type: string): string | undefined =>
  Object.hasOwn(deltaMembers, type) ? deltaMembers[type as keyof typeof deltaMembers] : undefined;

/**
 * The content of a message in its provider's terms as a stream would tell it. Members that nobody knows stand in the
 * opening; a block that cannot be told bit by bit is all opening.
 */
export const blocksOfContent = (content: unknown): StreamBlock[] =>
  Array.isArray(content) ? content.map(blockOf) : [];

function blockOf(block: Typed): StreamBlock {
  switch (block.type) {
    case 'text': {
      const citations = Array.isArray(block.citations) ? block.citations : [];
      const told = citations.map((citation) => ({ type: 'citations_delta', citation }));
      const opening = { ...block, text: '', ...(citations.length > 0 ? { citations: [] } : {}) };
      return { opening, deltas: [...told, ...textDelta('text_delta', block.text)] };
    }
    case 'thinking':
      return {
        opening: { ...block, thinking: '', signature: '' },
        deltas: [...textDelta('thinking_delta', block.thinking), ...textDelta('signature_delta', block.signature)],
      };
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use':
      return { opening: { ...block, input: {} }, deltas: textDelta('input_json_delta', jsonOf(block.input)) };
    default:
      return { opening: block, deltas: [] };
  }
}

/** One delta, or none for no text. */
export const textDelta = (type: keyof typeof deltaMembers, text: unknown): Typed[] =>
  typeof text === 'string' && text !== '' ? [{ type, [deltaMembers[type]]: text }] : [];

/** Nothing for no arguments, which the opening tells already; those that are no JSON as they were written. */
function jsonOf(input: unknown): string | undefined {
  const { [invalidJson]: written, ...rest } = (input ?? {}) as Json;
  if (typeof written === 'string' && Object.keys(rest).length === 0) return written;
  return Object.keys((input ?? {}) as Json).length === 0 ? undefined : JSON.stringify(input);
}
