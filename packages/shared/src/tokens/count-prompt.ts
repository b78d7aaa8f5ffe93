import type { Generation } from '../contracts/generation.ts';
import type { ProviderName } from '../contracts/provider-name.ts';
import type { TokenCounter } from './token-counter.ts';

type Counter = Pick<TokenCounter, 'count'>;

// OpenAI's published chat format (cookbook, "How to count tokens with tiktoken"): 3 tokens around each message, 3 that
// open the answer. It counts the name of the role as well, one token a message; the sandbox does not.
const tokensPerMessage = 3;
const tokensToOpen = 3;

/** Tokens of a prompt as the sandbox bills them, and as OpenAI does but for the names of roles. */
export async function countPromptTokens(generation: Generation, counter: Counter): Promise<number> {
  const content = await counter.count(textsOf(generation));
  return content + messagesOf(generation) * tokensPerMessage + tokensToOpen;
}

interface Bound {
  /** Of the provider's tokens to those of o200k_base. */
  ratio: number;
  perMessage: number;
  perPrompt: number;
  /** Words of the provider's own around a format that was asked for. */
  perFormat: number;
}

// OpenAI renders a schema shorter than its JSON is, with 9 tokens around it (openai-cookbook issue 2140).
const openai: Bound = { ratio: 1, perMessage: 6, perPrompt: 10, perFormat: 20 };

// Anthropic publishes no tokenizer. Measured against o200k_base, Claude 3.5 makes 16 % more tokens of English, 21 % of
// mathematics, 30 % of Python (VentureBeat, 2025-05-01). Since Opus 4.7 they are more again: "up to ~35 %" by the
// release notes, 20 to 47 % as measured with its own count_tokens for English and code (Claude Code Camp and sol.ava.dev,
// April 2026). 1.30 * 1.35 and 1.2 * 1.47 are 1.76.
const anthropic: Bound = { ratio: 1.8, perMessage: 20, perPrompt: 50, perFormat: 50 };

const bounds: Record<ProviderName, Bound> = { openai, sandbox: openai, anthropic };

/** So many tokens the provider will hardly find more in the prompt: an upper estimate, for what has to be set aside. */
export async function estimatePromptTokens(
  generation: Generation,
  provider: ProviderName,
  counter: Counter,
): Promise<number> {
  const { ratio, perMessage, perPrompt, perFormat } = bounds[provider];
  const content = await counter.count(textsOf(generation));
  const format = (generation.responseFormat?.type ?? 'text') === 'text' ? 0 : perFormat;
  return Math.ceil(content * ratio) + messagesOf(generation) * perMessage + perPrompt + format;
}

function textsOf({ system, messages, responseFormat }: Generation): string[] {
  return [
    ...(system === undefined ? [] : [system]),
    ...messages.map(({ text }) => text),
    ...(responseFormat?.type === 'json_schema' ? [JSON.stringify(responseFormat.schema)] : []),
  ];
}

const messagesOf = ({ system, messages }: Generation): number => messages.length + (system === undefined ? 0 : 1);
