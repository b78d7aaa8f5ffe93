import type { Part, PartOf } from '@llm-gateway/shared/contracts/content';
import type { Refuse } from '../../../generation/no-counterpart.ts';
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

/** The blocks of a content as parts; what has no counterpart is refused by its pointer and left out. */
export function readContent(content: Content, pointer: string, refuse: Refuse, place: Place = 'message'): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return content.flatMap((block, index) => readBlock(block, `${pointer}/${index}`, refuse, place));
}

/** A schema has checked what a block of a type is made of that is known where it stands. */
function readBlock(block: LooseBlock, pointer: string, refuse: Refuse, place: Place): Part[] {
  switch (Object.hasOwn(knownBlocks[place], block.type) && block.type) {
    case 'text':
      return [{ type: 'text', text: (block as TextBlock).text }];
    case 'image':
      return readImage(block as ImageBlock, pointer, refuse);
    case 'document':
      return readDocument(block as DocumentBlock, pointer, refuse);
    case 'tool_use': {
      const { id, name, input } = block as ToolUseBlock;
      return [{ type: 'tool-call', id, name, arguments: JSON.stringify(input) }];
    }
    case 'tool_result':
      return [readToolResult(block as ToolResultBlock, pointer, refuse)];
    case 'thinking': {
      const { thinking, signature } = block as ThinkingBlock;
      return [{ type: 'reasoning', text: thinking, ...(signature ? { signature } : {}) }];
    }
    default:
      refuse(pointer);
      return [];
  }
}

function readImage({ source }: ImageBlock, pointer: string, refuse: Refuse): PartOf<'image'>[] {
  const read = readSource(source);
  if (!read) refuse(`${pointer}/source`);
  return read ? [{ type: 'image', source: read }] : [];
}

/** One of plain text is text to everybody; a title and a context go before it, as its provider shows them to the model. */
function readDocument(block: DocumentBlock, pointer: string, refuse: Refuse): Part[] {
  const { source, title, citations, context } = block;
  if ((citations as { enabled?: unknown } | null | undefined)?.enabled === true) refuse(`${pointer}/citations`);
  const above = typeof context === 'string' && context !== '' ? [textPart(context)] : [];
  const headed = title ? [textPart(title), ...above] : above;
  if (source.type === 'text') return [...headed, textPart(String(source.data))];
  if (source.type === 'content') {
    return [...headed, ...readContent(source.content as Content, `${pointer}/source/content`, refuse, 'document')];
  }
  const read = readSource(source);
  if (read) return [...above, { type: 'document', source: read, ...(title ? { title } : {}) }];
  refuse(`${pointer}/source`);
  return [];
}

const textPart = (text: string): Part => ({ type: 'text', text });

function readSource(source: LooseBlock): PartOf<'image'>['source'] | undefined {
  const { type, media_type: mediaType, data, url } = source;
  if (type === 'base64') return { kind: 'base64', mediaType: String(mediaType), data: String(data) };
  return type === 'url' ? { kind: 'url', url: String(url) } : undefined;
}

/** Only text and images are told of tools; a document of text is that as well. */
function readToolResult(block: ToolResultBlock, pointer: string, refuse: Refuse): PartOf<'tool-result'> {
  const { tool_use_id: callId, content, is_error: isError } = block;
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);
  const told = blocks.flatMap((inner, index) => {
    const at = `${pointer}/content/${index}`;
    const parts = readBlock(inner, at, refuse, 'toolResult');
    if (!parts.every(isToldOfTools)) refuse(at);
    return parts.filter(isToldOfTools);
  });
  return { type: 'tool-result', callId, content: told, ...(isError ? { isError } : {}) };
}

const isToldOfTools = (part: Part): part is PartOf<'text' | 'image'> => part.type === 'text' || part.type === 'image';
