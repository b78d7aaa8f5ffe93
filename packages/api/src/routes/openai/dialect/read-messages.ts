import type { Part, PartOf } from '@llm-gateway/shared/contracts/content';
import type { Generation, Message } from '@llm-gateway/shared/contracts/generation';
import type { Refuse } from '../../../generation/no-counterpart.ts';
import type { ChatMessage } from '../chat-body.ts';
import { needed, readPart } from './read-part.ts';

/**
 * What was said so far, in the neutral form: instructions come first, wherever they stood, and the results of tools are
 * the user's words. Refuses what has no neutral form; throws `invalid_request` for a message without what its role needs.
 */
export function readMessages(given: readonly ChatMessage[], refuse: Refuse): Pick<Generation, 'system' | 'messages'> {
  const instructions: string[] = [];
  const messages: Message[] = [];
  given.forEach((message, index) => {
    const pointer = `/messages/${index}`;
    const parts = readContent(message, pointer, refuse);
    switch (message.role) {
      case 'developer':
      case 'system':
        instructions.push(...parts.flatMap((part) => ('text' in part ? [part.text] : [])));
        break;
      case 'user':
        messages.push(said('user', message, parts));
        break;
      case 'assistant':
        if (message.audio != null) refuse(`${pointer}/audio`);
        messages.push(said('assistant', message, [...parts, ...callsOf(message, pointer, index, refuse)]));
        break;
      case 'tool':
        addResult(messages, { callId: needed(message.tool_call_id, `${pointer}/tool_call_id`), parts });
        break;
      case 'function':
        addResult(messages, { callId: functionCallId(lastCall(given, index)), parts });
        break;
      default:
        refuse(`${pointer}/role`);
    }
  });
  const system = instructions.join('\n\n');
  // Somebody has to say something.
  if (messages.length === 0) return { messages: [{ role: 'user', text: system }] };
  return { ...(system === '' ? {} : { system }), messages };
}

function readContent({ content, refusal, role }: ChatMessage, pointer: string, refuse: Refuse): Part[] {
  const refused: Part[] = role === 'assistant' && refusal ? [{ type: 'refusal', text: refusal }] : [];
  if (role !== 'assistant') needed(content, `${pointer}/content`);
  if (!content) return refused;
  if (typeof content === 'string') return [{ type: 'text', text: content }, ...refused];
  const parts = content.flatMap((part, index) => {
    const at = `${pointer}/content/${index}`;
    const read = readPart(part, at);
    if (read && canSay(role, read)) return read;
    refuse(at);
    return [];
  });
  return [...parts, ...refused];
}

/** Instructions are text to every provider, and results of tools are text and images. */
function canSay(role: string, { type }: Part): boolean {
  if (role === 'developer' || role === 'system') return type === 'text';
  return (role !== 'tool' && role !== 'function') || type === 'text' || type === 'image';
}

/** As mere text, where it is no more than that. */
function said(role: Message['role'], { content }: ChatMessage, parts: Part[]): Message {
  const [first] = parts;
  if (parts.length === 0) return { role, text: '' };
  const isText = typeof content === 'string' && parts.length === 1 && first?.type === 'text';
  return isText ? { role, text: content } : { role, parts };
}

function callsOf(message: ChatMessage, pointer: string, index: number, refuse: Refuse): Part[] {
  const calls = (message.tool_calls ?? []).flatMap((call, at): Part[] => {
    if (!call.function) {
      refuse(`${pointer}/tool_calls/${at}`);
      return [];
    }
    return [{ type: 'tool-call', id: call.id, name: call.function.name, arguments: call.function.arguments }];
  });
  const before = message.function_call;
  if (!before) return calls;
  return [...calls, { type: 'tool-call', id: functionCallId(index), name: before.name, arguments: before.arguments }];
}

/** Before tools, calls had no ids: one was answered by the message that followed. */
const functionCallId = (index: number) => `call_${index}`;

const lastCall = (messages: readonly ChatMessage[], before: number) =>
  messages.slice(0, before).findLastIndex(({ function_call }) => function_call != null);

/** Results that follow each other answer one message, and are one answer. */
function addResult(messages: Message[], { callId, parts }: { callId: string; parts: Part[] }): void {
  const content = parts.filter(
    (part): part is PartOf<'text' | 'image'> => part.type === 'text' || part.type === 'image',
  );
  const result: Part = { type: 'tool-result', callId, content };
  const last = messages.at(-1);
  if (last?.role === 'user' && 'parts' in last && last.parts.every(({ type }) => type === 'tool-result')) {
    last.parts.push(result);
  } else {
    messages.push({ role: 'user', parts: [result] });
  }
}
