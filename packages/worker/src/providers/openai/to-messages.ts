import { Buffer } from 'node:buffer';
import type { Part, PartOf } from '@llm-gateway/shared/contracts/content';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { type Message, partsOf } from '@llm-gateway/shared/contracts/generation';
import type OpenAI from 'openai';

type Sent = OpenAI.ChatCompletionMessageParam;
type UserContent = OpenAI.ChatCompletionContentPart[];
type AssistantContent = (OpenAI.ChatCompletionContentPartText | OpenAI.ChatCompletionContentPartRefusal)[];

/** A message as chat completions have it, where every result of a tool is a message of its own. */
export function toMessages(message: Message): Sent[] {
  if ('text' in message) return [{ role: message.role, content: message.text }];
  const parts = partsOf(message);
  return message.role === 'assistant' ? [toAssistantMessage(parts)] : toUserMessages(parts);
}

/** Results first: they have to follow the calls. Their images can be said by the user alone. */
function toUserMessages(parts: readonly Part[]): Sent[] {
  const results = parts.filter((part) => part.type === 'tool-result');
  const images = results.flatMap(({ content }) => content).filter((inner) => inner.type === 'image');
  const content = [...images, ...parts].flatMap(toUserContent);
  const isSilent = content.length === 0 && results.length > 0;
  return [
    ...results.map((result): Sent => ({ role: 'tool', tool_call_id: result.callId, content: textOf(result) })),
    ...(isSilent ? [] : [{ role: 'user' as const, content: plainest(content) }]),
  ];
}

/** There is no member that says that a tool has failed: its words have to. */
function textOf({ content, isError }: PartOf<'tool-result'>): string | OpenAI.ChatCompletionContentPartText[] {
  const texts = content.flatMap((inner) => (inner.type === 'text' ? [inner] : []));
  const [first = { type: 'text', text: '' }, ...others] = texts;
  const isUntold = isError === true && !/^error/i.test(first.text);
  return plainest(isUntold ? [{ ...first, text: `Error: ${first.text}` }, ...others] : texts);
}

function toUserContent(part: Part): UserContent {
  switch (part.type) {
    case 'text':
      return [{ type: 'text', text: part.text }];
    case 'image': {
      const { source, detail } = part;
      const url = source.kind === 'url' ? source.url : dataUrl(source);
      return [{ type: 'image_url', image_url: { url, ...(detail === undefined ? {} : { detail }) } }];
    }
    case 'document':
      return [toFile(part)];
    default:
      return [];
  }
}

/** Files are documents to be laid out; what is text already is told as text. */
function toFile({ source, title }: PartOf<'document'>): UserContent[number] {
  if (source.kind === 'url') {
    const detail = 'A document at an address cannot be sent in a chat completion.';
    throw new GatewayError({ code: 'invalid_request', detail });
  }
  if (source.mediaType.startsWith('text/')) {
    return { type: 'text', text: Buffer.from(source.data, 'base64').toString('utf8') };
  }
  return { type: 'file', file: { filename: title ?? 'document.pdf', file_data: dataUrl(source) } };
}

const dataUrl = ({ mediaType, data }: { mediaType: string; data: string }) => `data:${mediaType};base64,${data}`;

/** What was thought stays with who thought it: it is never said again. */
function toAssistantMessage(parts: readonly Part[]): Sent {
  const content = parts.flatMap((part): AssistantContent => {
    if (part.type === 'text') return [{ type: 'text', text: part.text }];
    return part.type === 'refusal' ? [{ type: 'refusal', refusal: part.text }] : [];
  });
  const calls = parts.flatMap((part) => (part.type === 'tool-call' ? [toToolCall(part)] : []));
  if (calls.length === 0) return { role: 'assistant', content: plainest(content) };
  return { role: 'assistant', content: content.length === 0 ? null : plainest(content), tool_calls: calls };
}

const toToolCall = ({ id, name, arguments: given }: PartOf<'tool-call'>) =>
  ({ id, type: 'function', function: { name, arguments: given } }) as const;

/** A single text as such, which is all that some compatible servers read. */
function plainest<Content extends { type: string }>(content: Content[]): string | Content[] {
  const [first, ...others] = content;
  if (first === undefined) return '';
  return others.length === 0 && 'text' in first && typeof first.text === 'string' ? first.text : content;
}
