import type { NativeBody } from '../contracts/native-body.ts';

/** What a body in a provider's dialect says, in whatever members, and what is sent along with it. */
export interface BodyContent {
  /** All text of it: of members that we know and of those that we do not, and their names. */
  texts: string[];
  /** Tokens that need no counting: those that the client's own tokenizer made, and what sound and documents may take. */
  tokens: number;
  images: number;
  /** Messages, or items that stand for one. */
  messages: number;
  hasTools: boolean;
}

// Says nothing to a model.
const unsaid = ['model', 'metadata', 'user', 'safety_identifier', 'prompt_cache_key', 'service_tier', 'logit_bias'];
// Where there may be more than text.
const conversation = ['messages', 'input', 'system', 'prompt'];

// Of sound, the dearest that is sent inline: 10 tokens a second (OpenAI, gpt-4o audio) of 4 KB of the most compressed
// speech, in base64.
const charactersPerSoundToken = 500;

// A document is charged as its text and as an image of every page. Nobody knows either before it is read: of one that is
// elsewhere as much as models take, a hundred pages, else as much as no document of that size was seen to take.
const documentTokensMax = 500_000;

/** Tokens of a document of so many characters in base64; of one that is elsewhere without. */
export const documentTokens = (base64Length = documentTokensMax): number => Math.min(base64Length, documentTokensMax);

/**
 * Reads a body for what its prompt may cost. Nothing in it goes uncounted: what is not a picture, a sound or a document in a
 * place for such is a text, be it one that a provider would not read.
 */
export function contentOfBody({ api, body }: Pick<NativeBody, 'api' | 'body'>): BodyContent {
  const content: BodyContent = { texts: [], tokens: 0, images: 0, messages: 0, hasTools: false };
  const isOfTokens = api === 'embeddings' || api === 'completions';
  for (const [name, value] of Object.entries(body)) {
    if (unsaid.includes(name) || value == null || typeof value === 'boolean') continue;
    if (!conversation.includes(name)) addPlain(value, content);
    else if (isOfTokens) addTokens(value, content);
    else addSaid(value, content);
  }
  const { messages, input, tools, functions } = body;
  content.messages = [messages, input].reduce((sum: number, list) => sum + (Array.isArray(list) ? list.length : 0), 0);
  content.hasTools = [tools, functions].some((list) => Array.isArray(list) && list.length > 0);
  return content;
}

/** In JSON: schemas, and what tools are given, are shown to models in that. */
function addPlain(value: unknown, content: BodyContent): void {
  content.texts.push(typeof value === 'string' ? value : JSON.stringify(value));
}

/** Of a list of numbers, each is a token. */
function addTokens(value: unknown, content: BodyContent): void {
  if (typeof value === 'number') content.tokens += 1;
  else if (Array.isArray(value)) for (const one of value) addTokens(one, content);
  else addPlain(value, content);
}

function addSaid(value: unknown, content: BodyContent): void {
  if (typeof value === 'string') content.texts.push(value);
  else if (typeof value === 'number') content.texts.push(String(value));
  else if (Array.isArray(value)) for (const one of value) addSaid(one, content);
  else if (typeof value === 'object' && value !== null) addPart(value as Members, content);
}

type Members = Record<string, unknown>;

/** A message, a part, an item, or an object in one of them. */
function addPart(part: Members, content: BodyContent): void {
  const sent = attachmentOf(part);
  content.images += sent?.images ?? 0;
  content.tokens += sent?.tokens ?? 0;
  const isToolUse = part.type === 'tool_use' || part.type === 'server_tool_use';
  for (const [name, value] of Object.entries(part)) {
    if (name === sent?.member) continue;
    content.texts.push(name);
    if (isToolUse && name === 'input') addPlain(value, content);
    else addSaid(value, content);
  }
}

interface Attachment {
  /** The member that holds it. */
  member: string;
  images?: number;
  tokens?: number;
}

const imageSources: readonly unknown[] = ['base64', 'url', 'file'];

/** What a part is that is more than text; undefined for one that is text, or of a kind that nobody knows. */
function attachmentOf(part: Members): Attachment | undefined {
  switch (part.type) {
    case 'image_url':
    case 'computer_screenshot':
      return { member: 'image_url', images: 1 };
    case 'input_image':
      return { member: part.file_id == null ? 'image_url' : 'file_id', images: 1 };
    case 'image':
      return imageSources.includes(membersOf(part.source).type) ? { member: 'source', images: 1 } : undefined;
    case 'input_audio': {
      const { data } = membersOf(part.input_audio);
      return { member: 'input_audio', tokens: Math.ceil(lengthOf(data) / charactersPerSoundToken) };
    }
    case 'document': {
      const source = membersOf(part.source);
      if (source.type === 'text' || source.type === 'content') return undefined;
      return {
        member: 'source',
        tokens: source.type === 'base64' ? documentTokens(lengthOf(source.data)) : documentTokens(),
      };
    }
    case 'file':
      return { member: 'file', tokens: fileTokens(membersOf(part.file)) };
    case 'input_file':
      return { member: 'file_data', tokens: fileTokens(part) };
    default:
      return undefined;
  }
}

const fileTokens = ({ file_data: data }: Members): number =>
  typeof data === 'string' && data !== '' ? documentTokens(data.length) : documentTokens();

const lengthOf = (data: unknown): number => (typeof data === 'string' ? data.length : 0);

const membersOf = (value: unknown): Members => (typeof value === 'object' && value !== null ? (value as Members) : {});
