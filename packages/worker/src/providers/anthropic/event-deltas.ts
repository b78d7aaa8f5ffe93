import type { Delta } from '@llm-gateway/shared/contracts/content';
import { isObject, type JsonObject, objectOf, stringOf } from '../json-object.ts';

interface Call {
  index: number;
  hasInput: boolean;
}

/** Reads what the events of a message add to it. Calls of server tools, which the client does not make, are none of it. */
export function createEventReader() {
  const calls = new Map<unknown, Call>();

  function begin(place: unknown, block: JsonObject): Delta[] {
    if (block.type !== 'tool_use') return readWords(block);
    const { id, name, input } = block;
    // Anthropic streams the input; some that speak its dialect have it here.
    const given = isObject(input) && Object.keys(input).length > 0 ? JSON.stringify(input) : '';
    const index = calls.size;
    calls.set(place, { index, hasInput: given !== '' });
    return [{ type: 'tool-call', index, id: stringOf(id), name: stringOf(name), arguments: given }];
  }

  function goOn(place: unknown, delta: JsonObject): Delta[] {
    if (delta.type !== 'input_json_delta') return readWords(delta);
    const call = calls.get(place);
    const given = stringOf(delta.partial_json);
    if (!call || given === '') return [];
    call.hasInput = true;
    return [{ type: 'tool-call', index: call.index, arguments: given }];
  }

  /** Input that is empty is not streamed at all. */
  function end(place: unknown): Delta[] {
    const call = calls.get(place);
    return call && !call.hasInput ? [{ type: 'tool-call', index: call.index, arguments: '{}' }] : [];
  }

  return (event: JsonObject): Delta[] => {
    switch (event.type) {
      case 'content_block_start':
        return begin(event.index, objectOf(event.content_block));
      case 'content_block_delta':
        return goOn(event.index, objectOf(event.delta));
      case 'content_block_stop':
        return end(event.index);
      default:
        return [];
    }
  };
}

/** Of a block or a delta. */
function readWords({ type, text, thinking, signature }: JsonObject): Delta[] {
  switch (type) {
    case 'text':
    case 'text_delta':
      return text ? [{ type: 'text', text: stringOf(text) }] : [];
    case 'thinking':
    case 'thinking_delta':
    case 'signature_delta': {
      const signed = stringOf(signature);
      const thought = stringOf(thinking);
      if (thought === '' && signed === '') return [];
      return [{ type: 'reasoning', text: thought, ...(signed === '' ? {} : { signature: signed }) }];
    }
    default:
      return [];
  }
}
