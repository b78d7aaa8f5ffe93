import type { Part } from '../contracts/content.ts';
import { type Generation, partsOf } from '../contracts/generation.ts';
import type { NativeApi } from '../contracts/native-body.ts';
import type { ProviderName } from '../contracts/provider-name.ts';
import { type BodyContent, contentOfBody, documentTokens } from './body-content.ts';
import type { TokenCounter } from './token-counter.ts';

type Counter = Pick<TokenCounter, 'count'>;

// OpenAI's published chat format (cookbook, "How to count tokens with tiktoken"): 3 tokens around each message, 3 that
// open the answer. It counts the name of the role as well, one token a message; the sandbox does not.
const tokensPerMessage = 3;
const tokensToOpen = 3;

const bareApis: readonly (NativeApi | undefined)[] = ['embeddings', 'completions'];

/** Tokens of a prompt as the sandbox bills them, and as OpenAI does but for the names of roles. */
export async function countPromptTokens(generation: Generation, counter: Counter): Promise<number> {
  const content = await counter.count(textsOf(generation));
  // Where there is no chat, nothing is around a text.
  if (bareApis.includes(generation.native?.api)) return content;
  return content + messagesOf(generation) * tokensPerMessage + tokensToOpen + (generation.contextTokens ?? 0);
}

interface Bound {
  /** Of the provider's tokens to those of o200k_base. */
  ratio: number;
  perMessage: number;
  perPrompt: number;
  /** Words of the provider's own around a format that was asked for. */
  perFormat: number;
  /** Words of the provider's own around tools. */
  perTools: number;
  perImage: number;
}

// OpenAI renders a schema shorter than its JSON is, with 9 tokens around it (openai-cookbook issue 2140).
// Tools are rendered shorter than their JSON as well. The dearest image is one of 8 tiles for gpt-4o-mini, 2833 tokens and
// 5667 for each tile (OpenAI, "Images and vision", Calculating costs).
const openai: Bound = { ratio: 1, perMessage: 6, perPrompt: 10, perFormat: 20, perTools: 40, perImage: 48_169 };

// Anthropic publishes no tokenizer. Measured against o200k_base, Claude 3.5 makes 16 % more tokens of English, 21 % of
// mathematics, 30 % of Python (VentureBeat, 2025-05-01). Since Opus 4.7 they are more again: "up to ~35 %" by the
// release notes, 20 to 47 % as measured with its own count_tokens for English and code (Claude Code Camp and sol.ava.dev,
// April 2026). 1.30 * 1.35 and 1.2 * 1.47 are 1.76.
// Its prompt for tools takes 159 to 804 tokens (Anthropic, "Tool use", Pricing); the largest image takes 4784 (Opus 4.7).
const anthropic: Bound = {
  ratio: 1.8,
  perMessage: 20,
  perPrompt: 50,
  perFormat: 50,
  perTools: 804,
  perImage: 4784,
};

// A server that the operator has named speaks OpenAI's format; that its tokenizer makes no more of a text is assumed.
const boundOf = (provider: ProviderName): Bound => (provider === 'anthropic' ? anthropic : openai);

/** So many tokens the provider will hardly find more in the prompt: an upper estimate, for what has to be set aside. */
export async function estimatePromptTokens(
  generation: Generation,
  provider: ProviderName,
  counter: Counter,
): Promise<number> {
  const { ratio, perMessage, perPrompt, perFormat, perTools, perImage } = boundOf(provider);
  const said = generation.native ? contentOfBody(generation.native) : neutralContent(generation);
  const content = await counter.count(said.texts);
  const format = (generation.responseFormat?.type ?? 'text') === 'text' ? 0 : perFormat;
  const messages = Math.max(said.messages, messagesOf(generation));
  const around = messages * perMessage + perPrompt + format + (said.hasTools ? perTools : 0);
  const attached = said.images * perImage + said.tokens + (generation.contextTokens ?? 0);
  return Math.ceil(content * ratio) + around + attached;
}

function neutralContent(generation: Generation): BodyContent {
  const attachments = attachmentsOf(generation);
  const documents = attachments.flatMap((part) => (part.type === 'document' ? [part.source] : []));
  return {
    texts: textsOf(generation),
    tokens: sum(documents.map((source) => documentTokens(source.kind === 'base64' ? source.data.length : undefined))),
    images: attachments.length - documents.length,
    messages: messagesOf(generation),
    hasTools: (generation.tools?.length ?? 0) > 0,
  };
}

function textsOf({ system, messages, responseFormat, tools }: Generation): string[] {
  return [
    ...(system === undefined ? [] : [system]),
    ...messages.flatMap((message) => partsOf(message).flatMap(textOf)),
    ...(tools ?? []).map((tool) => JSON.stringify(tool)),
    ...(responseFormat?.type === 'json_schema' ? [JSON.stringify(responseFormat.schema)] : []),
  ];
}

function textOf(part: Part): string[] {
  switch (part.type) {
    case 'text':
    case 'refusal':
    case 'reasoning':
      return [part.text];
    case 'tool-call':
      return [part.name, part.arguments];
    case 'tool-result':
      return part.content.flatMap((inner) => (inner.type === 'text' ? [inner.text] : []));
    default:
      return [];
  }
}

type Attachment = Extract<Part, { type: 'image' | 'document' }>;

const attachmentsOf = ({ messages }: Generation): Attachment[] =>
  messages
    .flatMap(partsOf)
    .flatMap((part) => (part.type === 'tool-result' ? part.content : [part]))
    .filter(isAttachment);

const isAttachment = (part: Part): part is Attachment => part.type === 'image' || part.type === 'document';

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

const messagesOf = ({ system, messages }: Generation): number => messages.length + (system === undefined ? 0 : 1);
