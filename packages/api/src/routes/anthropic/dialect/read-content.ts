import type { Part, PartOf } from '@llm-gateway/shared/contracts/content';
import type { Fault } from '../../../http/invalid-field.ts';
import {
  type DocumentBlock,
  type ImageBlock,
  knownBlocks,
  type LooseBlock,
  type Place,
  type TextBlock,
  type ThinkingBlock,
  type ToolResultBlock,
  type ToolUseBlock,
} from './known-blocks.ts';

export type Content = string | readonly LooseBlock[];

/** Notes that what is found at a pointer has no counterpart with other providers. */
export type NoteFault = (pointer: string) => void;

const noCounterpart = 'has no counterpart for models of other providers';

/** Gathers what only a provider can be told that speaks the dialect. */
export function createFaults(): { faults: Fault[]; note: NoteFault } {
  const faults: Fault[] = [];
  return { faults, note: (pointer) => faults.push({ pointer, detail: noCounterpart }) };
}

/** The blocks of a content as parts; what has no counterpart is noted by its pointer and left out. */
export function readContent(content: Content, pointer: string, note: NoteFault, place: Place = 'message'): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return content.flatMap((block, index) => readBlock(block, `${pointer}/${index}`, note, place));
}

/** A schema has checked what a block of a type is made of that is known where it stands. */
function readBlock(block: LooseBlock, pointer: string, note: NoteFault, place: Place): Part[] {
  switch (Object.hasOwn(knownBlocks[place], block.type) && block.type) {
    case 'text':
      return [{ type: 'text', text: (block as TextBlock).text }];
    case 'image':
      return readImage(block as ImageBlock, pointer, note);
    case 'document':
      return readDocument(block as DocumentBlock, pointer, note);
    case 'tool_use': {
      const { id, name, input } = block as ToolUseBlock;
      return [{ type: 'tool-call', id, name, arguments: JSON.stringify(input) }];
    }
    case 'tool_result':
      return [readToolResult(block as ToolResultBlock, pointer, note)];
    case 'thinking': {
      const { thinking, signature } = block as ThinkingBlock;
      return [{ type: 'reasoning', text: thinking, ...(signature ? { signature } : {}) }];
    }
    default:
      note(pointer);
      return [];
  }
}

function readImage({ source }: ImageBlock, pointer: string, note: NoteFault): PartOf<'image'>[] {
  const read = readSource(source);
  if (!read) note(`${pointer}/source`);
  return read ? [{ type: 'image', source: read }] : [];
}

/** One of plain text is text to everybody; a title and a context go before it, as its provider shows them to the model. */
function readDocument(block: DocumentBlock, pointer: string, note: NoteFault): Part[] {
  const { source, title, citations, context } = block;
  if ((citations as { enabled?: unknown } | null | undefined)?.enabled === true) note(`${pointer}/citations`);
  const above = typeof context === 'string' && context !== '' ? [textPart(context)] : [];
  const headed = title ? [textPart(title), ...above] : above;
  if (source.type === 'text') return [...headed, textPart(String(source.data))];
  if (source.type === 'content') {
    return [...headed, ...readContent(source.content as Content, `${pointer}/source/content`, note, 'document')];
  }
  const read = readSource(source);
  if (read) return [...above, { type: 'document', source: read, ...(title ? { title } : {}) }];
  note(`${pointer}/source`);
  return [];
}

const textPart = (text: string): Part => ({ type: 'text', text });

function readSource(source: LooseBlock): PartOf<'image'>['source'] | undefined {
  const { type, media_type: mediaType, data, url } = source;
  if (type === 'base64') return { kind: 'base64', mediaType: String(mediaType), data: String(data) };
  return type === 'url' ? { kind: 'url', url: String(url) } : undefined;
}

/** Only text and images are told of tools; a document of text is that as well. */
function readToolResult(block: ToolResultBlock, pointer: string, note: NoteFault): PartOf<'tool-result'> {
  const { tool_use_id: callId, content, is_error: isError } = block;
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);
  const told = blocks.flatMap((inner, index) => {
    const at = `${pointer}/content/${index}`;
    const parts = readBlock(inner, at, note, 'toolResult');
    if (!parts.every(isToldOfTools)) note(at);
    return parts.filter(isToldOfTools);
  });
  return { type: 'tool-result', callId, content: told, ...(isError ? { isError } : {}) };
}

const isToldOfTools = (part: Part): part is PartOf<'text' | 'image'> => part.type === 'text' || part.type === 'image';
