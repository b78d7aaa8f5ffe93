import type { Usage } from '../contracts/answer.ts';
import { everyPrice, type ModelPrice, type PriceKind, tokenPriceAt } from './model-price.ts';

type Part = readonly [kind: PriceKind, tokens: number];

/**
 * Σ tokens × price in pico-USD, exact and before a batch's reduction; undefined where the parts of a usage are more
 * than what they are parts of.
 */
export function picoUsdOf(price: ModelPrice, usage: Usage): bigint | undefined {
  const parts = partsOf(usage);
  if (!parts) return undefined;
  const prices = everyPrice(price);
  return parts.reduce(
    (sum, [kind, tokens]) => sum + BigInt(tokens) * tokenPriceAt(prices[kind], usage.promptTokens),
    0n,
  );
}

/** Every token of a usage under one kind. */
function partsOf(usage: Usage): Part[] | undefined {
  const { promptTokens, cachedPromptTokens: cached = 0, cacheWriteTokens: written = 0 } = usage;
  const { cacheWrite1hTokens: writtenForHour = 0, imageTokens: image = 0, audioPromptTokens: audio = 0 } = usage;
  const { completionTokens, reasoningTokens: reasoning = 0, audioCompletionTokens: spoken = 0 } = usage;
  const fresh = promptTokens - cached - written;
  const told = completionTokens - reasoning - spoken;
  if (fresh < 0 || told < 0 || writtenForHour > written || image + audio > promptTokens) return undefined;

  // An image may be cached as text is, and no vendor says how much of it was: as little as the counts allow.
  const freshAudio = Math.min(audio, fresh);
  const freshImage = Math.min(image, fresh - freshAudio);
  return [
    ['input', fresh - freshAudio - freshImage],
    ['audioInput', freshAudio],
    ['imageInput', freshImage],
    ['cachedInput', cached],
    ['cacheWrite', written - writtenForHour],
    ['cacheWrite1h', writtenForHour],
    ['output', told],
    ['reasoning', reasoning],
    ['audioOutput', spoken],
  ];
}
