import type { Part } from '@llm-gateway/shared/contracts/content';
import type { Generation, Message } from '@llm-gateway/shared/contracts/generation';
import { z } from 'zod';
import { noCounterpart, type Refuse } from '../../../generation/no-counterpart.ts';
import { ruleText } from '../../../http/rule-text.ts';
import { readContent } from './input-parts.ts';
import { isOwnReasoningId } from './item-ids.ts';
import type { InputTokensBody } from './responses-body.ts';

const content = z.union([z.string(), z.array(z.unknown())], 'must be a string or a list of parts');
const thought = z.array(z.looseObject({ text: z.string() })).nullish();

const items = {
  message: z.looseObject({ type: z.literal('message'), role: z.string(), content }),
  function_call: z.looseObject({
    type: z.literal('function_call'),
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
  }),
  function_call_output: z.looseObject({
    type: z.literal('function_call_output'),
    call_id: z.string(),
    output: content,
  }),
  reasoning: z.looseObject({
    type: z.literal('reasoning'),
    id: z.string().nullish(),
    summary: thought,
    content: thought,
    encrypted_content: z.string().nullish(),
  }),
};

type Item = { [Type in keyof typeof items]: z.output<(typeof items)[Type]> }[keyof typeof items];

/** What was said by whom; `turn` is what belongs to one turn of the model's, or to the answers to its calls. */
interface Said {
  role: 'user' | 'assistant' | 'system';
  parts: Part[];
  turn?: 'model' | 'tools';
}

/** The neutral form of what was said so far. Every item that has none is refused, for models of other providers. */
export function readInput(
  input: NonNullable<InputTokensBody['input']>,
  instructions: string | null | undefined,
  refuse: Refuse,
): Pick<Generation, 'system' | 'messages'> {
  const said =
    typeof input === 'string' ? [fromUser(input)] : input.flatMap((item, index) => readItem(item, index, refuse));
  const rules = said.filter(({ role }) => role === 'system').flatMap(({ parts }) => textOf(parts));
  const system = [...(instructions ? [instructions] : []), ...rules].join('\n\n');
  const messages = gather(said.filter(({ role }) => role !== 'system'));
  if (messages.length > 0) return { ...(system === '' ? {} : { system }), messages };
  refuse('/input', `without a message of the user's or the model's ${noCounterpart}`);
  return { messages: [{ role: 'user', text: system }] };
}

const fromUser = (text: string): Said => ({ role: 'user', parts: [{ type: 'text', text }] });

const textOf = (parts: readonly Part[]) => parts.flatMap((part) => (part.type === 'text' ? [part.text] : []));

function readItem(given: Record<string, unknown>, index: number, refuse: Refuse): Said[] {
  const pointer = `/input/${index}`;
  const type = given.type ?? 'message';
  if (!isKnown(type)) {
    refuse(pointer, `an item of type ${JSON.stringify(type)} ${noCounterpart}`);
    return [];
  }
  const parsed = items[type].safeParse({ ...given, type }, { error: ruleText });
  if (parsed.success) return toSaid(parsed.data, pointer, refuse);
  for (const { path, message } of parsed.error.issues) refuse([pointer, ...path].join('/'), message);
  return [];
}

const isKnown = (type: unknown): type is keyof typeof items => typeof type === 'string' && Object.hasOwn(items, type);

function toSaid(item: Item, pointer: string, refuse: Refuse): Said[] {
  switch (item.type) {
    case 'message':
      return readMessage(item, pointer, refuse);
    case 'function_call': {
      const { call_id: id, name, arguments: given } = item;
      return [{ role: 'assistant', turn: 'model', parts: [{ type: 'tool-call', id, name, arguments: given }] }];
    }
    case 'function_call_output': {
      const output = readContent(item.output, `${pointer}/output`, refuse);
      const returned = output.filter((part) => part.type === 'text' || part.type === 'image');
      if (returned.length < output.length)
        refuse(`${pointer}/output`, `with more than text and images ${noCounterpart}`);
      const part = { type: 'tool-result' as const, callId: item.call_id, content: returned };
      return [{ role: 'user', turn: 'tools', parts: [part] }];
    }
    case 'reasoning':
      return readReasoning(item);
  }
}

const roles: Record<string, Said['role'] | undefined> = {
  user: 'user',
  assistant: 'assistant',
  system: 'system',
  developer: 'system',
};

function readMessage(item: Extract<Item, { type: 'message' }>, pointer: string, refuse: Refuse): Said[] {
  const role = Object.hasOwn(roles, item.role) ? roles[item.role] : undefined;
  if (!role) refuse(`${pointer}/role`, `the role ${JSON.stringify(item.role)} ${noCounterpart}`);
  const parts = readContent(item.content, `${pointer}/content`, refuse);
  if (!role) return [];
  if (role === 'system' && textOf(parts).length < parts.length) {
    refuse(`${pointer}/content`, `with more than text of the role ${JSON.stringify(item.role)} ${noCounterpart}`);
  }
  return [{ role, parts, ...(role === 'assistant' ? { turn: 'model' as const } : {}) }];
}

/** Thoughts that another vendor has sealed mean nothing to anybody else; those with an id of ours came from elsewhere. */
function readReasoning({ id, summary, content, encrypted_content }: Extract<Item, { type: 'reasoning' }>): Said[] {
  const text = [...(summary ?? []), ...(content ?? [])].map((part) => part.text).join('\n\n');
  const signature = encrypted_content && id && isOwnReasoningId(id) ? { signature: encrypted_content } : {};
  if (text === '' && !('signature' in signature)) return [];
  return [{ role: 'assistant', turn: 'model', parts: [{ type: 'reasoning', text, ...signature }] }];
}

/** One message for all that belongs to one turn, as the providers have it that know no items. */
function gather(said: readonly Said[]): Message[] {
  const turns: Said[] = [];
  for (const one of said) {
    const last = turns.at(-1);
    if (last?.turn !== undefined && last.turn === one.turn) last.parts.push(...one.parts);
    else turns.push({ ...one, parts: [...one.parts] });
  }
  return turns.flatMap(({ role, parts }): Message[] => {
    const [first, ...others] = parts;
    if (role === 'system' || !first) return [];
    return [first.type === 'text' && others.length === 0 ? { role, text: first.text } : { role, parts }];
  });
}
