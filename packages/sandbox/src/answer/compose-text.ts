import { seededRandom } from './seeded-random.ts';
import { countTokens } from './tokens.ts';

const sentences = [
  'No model was asked and no provider was paid for this answer.',
  'The words are chosen from a short list, always in the same order for the same prompt.',
  'Whatever reads this may count the tokens and compare them with the bill.',
  'A real provider would have said something wiser at this point.',
  'Streams, limits and failures can be rehearsed here without a key.',
  'The prompt was read only to be counted and to be echoed in part.',
  'Nothing in this paragraph depends on the time of day or on chance.',
  'Please do not take any of it as advice.',
  'It is long enough to be streamed in several chunks and short enough to be read.',
  'Asking again in the same words will bring back exactly this text.',
] as const;

const ECHO_MAX = 60;
const USUAL_TOKENS = 40;

/** Prose that says where it comes from and follows from the prompt: at least `tokensMin`, in whole sentences. */
export function composeText(model: string, prompt: string, seed: string, tokensMin = USUAL_TOKENS): string {
  return writeOn(`[sandbox] ${model} heard "${excerpt(prompt)}".`, seed, tokensMin);
}

/** What a model would think before it answers that prompt. */
export function composeReasoning(prompt: string, seed: string, tokensMin: number): string {
  return writeOn(`The user said "${excerpt(prompt)}".`, seed, tokensMin);
}

function writeOn(opening: string, seed: string, tokensMin: number): string {
  const random = seededRandom(seed);
  const parts = [opening];
  let tokens = countTokens(parts[0] ?? '');
  while (tokens < tokensMin) {
    const sentence = ` ${sentences[Math.floor(random() * sentences.length)]}`;
    parts.push(sentence);
    tokens += countTokens(sentence);
  }
  return parts.join('');
}

function excerpt(prompt: string): string {
  // Only the beginning is normalised: a prompt may be megabytes long, and may be cut in the middle of a character.
  const beginning = prompt.slice(0, 20 * ECHO_MAX).toWellFormed();
  const line = Array.from(beginning.replace(/\s+/gu, ' ').trim());
  return line.length <= ECHO_MAX ? line.join('') : `${line.slice(0, ECHO_MAX).join('')}…`;
}
