import type { Part } from '@llm-gateway/shared/contracts/content';
import { type Generation, partsOf } from '@llm-gateway/shared/contracts/generation';
import type { ProviderName } from '@llm-gateway/shared/contracts/provider-name';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import { countPromptTokens } from '@llm-gateway/shared/tokens/count-prompt';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';

interface Counted {
  model: ResolvedModel;
  /** Whose way of counting. */
  counts: ProviderName;
}

// What shared/tokens/count-prompt.ts cites as measured, of English text: Claude 3.5 makes 16 % more tokens of it than
// o200k_base, and since Opus 4.7, the first model without sampling parameters, it is at least 20 % more again.
const claudeRatio = 1.16;
const newClaudeRatio = 1.16 * 1.2;

// A picture of about a megapixel; a stand-in's attachments are all of one price.
const claudeImageTokens = 1500;
const openAIImageTokens = 765;
const sandboxTokens = 85;

// A page of a PDF is its text and a picture of it; how many there are is guessed of its size.
const pageTokens = 2000;
const pageCharacters = 100_000;

/** How many tokens a model is likely to find in a prompt. What was thought in earlier turns is not read again. */
export async function countPrompt(
  generation: Generation,
  { model, counts }: Counted,
  counter: Pick<TokenCounter, 'count'>,
): Promise<number> {
  const parts = generation.messages.flatMap(partsOf);
  const messages = generation.messages.map((message) => ({
    role: message.role,
    parts: partsOf(message).filter(({ type }) => type !== 'reasoning'),
  }));
  const text = await countPromptTokens({ ...generation, messages }, counter);
  const attached = parts.reduce((sum, part) => sum + attachmentTokens(part, counts), 0);
  return Math.ceil(text * ratioOf(model, counts)) + attached;
}

function ratioOf({ row }: ResolvedModel, counts: ProviderName): number {
  if (counts !== 'anthropic') return 1;
  return row?.samplingParameters === false ? newClaudeRatio : claudeRatio;
}

function attachmentTokens(part: Part, counts: ProviderName): number {
  switch (part.type) {
    case 'image':
      if (counts === 'sandbox') return sandboxTokens;
      return counts === 'anthropic' ? claudeImageTokens : openAIImageTokens;
    case 'document': {
      if (counts === 'sandbox') return sandboxTokens;
      const characters = part.source.kind === 'base64' ? part.source.data.length : 0;
      return pageTokens * Math.max(1, Math.ceil(characters / pageCharacters));
    }
    case 'tool-result':
      return part.content.reduce((sum, inner) => sum + attachmentTokens(inner, counts), 0);
    default:
      return 0;
  }
}
