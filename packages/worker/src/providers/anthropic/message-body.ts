import { growObject } from '../grow-object.ts';
import { isObject, type JsonObject, objectOf } from '../json-object.ts';
import type { BodyBuilder } from '../native-answer.ts';
import { parseInput } from './parse-input.ts';

interface Block {
  content: JsonObject;
  /** The input of a tool so far; undefined where nothing of it was streamed. */
  inputJson: string | undefined;
}

/** A message of its events, with every member and every kind of block that they have, known to us or not. */
export function createMessageBody(): BodyBuilder {
  let message: JsonObject = {};
  const blocks = new Map<unknown, Block>();

  function take(event: JsonObject): void {
    switch (event.type) {
      case 'message_start':
        message = structuredClone(objectOf(event.message));
        break;
      case 'content_block_start':
        blocks.set(event.index, { content: structuredClone(objectOf(event.content_block)), inputJson: undefined });
        break;
      case 'content_block_delta': {
        const block = blocks.get(event.index);
        if (block) takeDelta(block, objectOf(event.delta));
        break;
      }
      case 'message_delta': {
        const { type: _type, delta, usage, ...rest } = event;
        message = { ...message, ...objectOf(delta), ...rest };
        // The counts at the end are totals, and those that it leaves out stand.
        if (isObject(usage)) message.usage = { ...objectOf(message.usage), ...withoutNulls(usage) };
        break;
      }
    }
  }

  return {
    take,
    body: () => (blocks.size === 0 ? message : { ...message, content: [...blocks.values()].map(toContent) }),
  };
}

function takeDelta(block: Block, delta: JsonObject): void {
  const { type, ...more } = delta;
  const { content } = block;
  if (type === 'input_json_delta') {
    const { partial_json: json, ...rest } = more;
    block.inputJson = (block.inputJson ?? '') + (typeof json === 'string' ? json : '');
    growObject(content, rest);
  } else if (type === 'signature_delta') {
    // The whole of it, in place of the empty one.
    Object.assign(content, more);
  } else if (type === 'citations_delta') {
    const { citation, ...rest } = more;
    content.citations = [...(Array.isArray(content.citations) ? content.citations : []), citation];
    growObject(content, rest);
  } else {
    growObject(content, more);
  }
}

function toContent({ content, inputJson }: Block): JsonObject {
  return inputJson === undefined || inputJson === '' ? content : { ...content, input: parseInput(inputJson) };
}

const withoutNulls = (usage: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== null));
