import { Buffer } from 'node:buffer';
import type Anthropic from '@anthropic-ai/sdk';
import type { Part, PartOf } from '@llm-gateway/shared/contracts/content';
import { type Message, partsOf } from '@llm-gateway/shared/contracts/generation';
import { parseInput } from './parse-input.ts';

type Sent = Anthropic.MessageParam;
type Block = Anthropic.ContentBlockParam;

/** Messages as Anthropic has them: turn by turn, and the results of tools at the beginning of the user's turn. */
export function toMessages(messages: readonly Message[]): Sent[] {
  const turns: Message[][] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    if (last?.[0]?.role === message.role) last.push(message);
    else turns.push([message]);
  }
  return turns.map(toTurn);
}

function toTurn(turn: readonly Message[]): Sent {
  const [first, ...others] = turn;
  const role = first?.role ?? 'user';
  if (first && 'text' in first && others.length === 0) return { role, content: first.text };
  const parts = turn.flatMap(partsOf);
  const results = parts.filter((part) => part.type === 'tool-result');
  return { role, content: [...results, ...parts.filter((part) => part.type !== 'tool-result')].flatMap(toBlocks) };
}

/** A text without a character is refused, and what was thought elsewhere, without a signature, is not taken. */
function toBlocks(part: Part): Block[] {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return part.text === '' ? [] : [{ type: 'text', text: part.text }];
    case 'image':
      return [toImage(part)];
    case 'document':
      return [toDocument(part)];
    case 'tool-call':
      return [{ type: 'tool_use', id: toId(part.id), name: part.name, input: parseInput(part.arguments) }];
    case 'tool-result':
      return [toResult(part)];
    case 'reasoning': {
      const { text, signature } = part;
      return signature === undefined ? [] : [{ type: 'thinking', thinking: text, signature }];
    }
  }
}

function toResult({ callId, content, isError }: PartOf<'tool-result'>): Anthropic.ToolResultBlockParam {
  const said = content.flatMap((inner): (Anthropic.TextBlockParam | Anthropic.ImageBlockParam)[] => {
    if (inner.type === 'image') return [toImage(inner)];
    return inner.text === '' ? [] : [{ type: 'text', text: inner.text }];
  });
  return {
    type: 'tool_result',
    tool_use_id: toId(callId),
    ...(said.length === 0 ? {} : { content: said }),
    ...(isError === undefined ? {} : { is_error: isError }),
  };
}

/** Some servers make ids of characters that Anthropic refuses. */
const toId = (id: string) => id.replaceAll(/[^a-zA-Z0-9_-]/g, '_');

function toImage({ source }: PartOf<'image'>): Anthropic.ImageBlockParam {
  if (source.kind === 'url') return { type: 'image', source: { type: 'url', url: source.url } };
  // What Anthropic cannot read it says itself.
  const mediaType = source.mediaType as Anthropic.Base64ImageSource['media_type'];
  return { type: 'image', source: { type: 'base64', media_type: mediaType, data: source.data } };
}

function toDocument({ source, title }: PartOf<'document'>): Anthropic.DocumentBlockParam {
  return { type: 'document', source: toDocumentSource(source), ...(title === undefined ? {} : { title }) };
}

function toDocumentSource(source: PartOf<'document'>['source']): Anthropic.DocumentBlockParam['source'] {
  if (source.kind === 'url') return { type: 'url', url: source.url };
  if (source.mediaType.startsWith('text/')) {
    return { type: 'text', media_type: 'text/plain', data: Buffer.from(source.data, 'base64').toString('utf8') };
  }
  const mediaType = source.mediaType as Anthropic.Base64PDFSource['media_type'];
  return { type: 'base64', media_type: mediaType, data: source.data };
}
