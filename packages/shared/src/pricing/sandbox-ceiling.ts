import type { Generation } from '../contracts/generation.ts';

/**
 * What the sandbox writes unasked: its name of the model (256 characters at most), 60 characters of the prompt, and
 * sentences until there are 40 tokens. All of that has less than so many bytes, and no token is less than a byte.
 */
const usualTokensMax = 1024;

/**
 * Tokens that no answer of the sandbox to that model, such as `sandbox/tokens-5000`, can pass; undefined where a JSON
 * schema decides how long it is.
 */
export function sandboxCeiling(model: string, responseFormat: Generation['responseFormat']): number | undefined {
  const orders = /(?:^|\/)sandbox\/([^/]+)$/.exec(model)?.[1]?.split('+') ?? [];
  const ordered = orders.flatMap((order) => (order === 'empty' ? [0] : tokensOf(order)));
  // Of several such orders the last one counts; where one is given, no schema is heeded.
  if (ordered.length > 0) return Math.max(...ordered);
  return responseFormat?.type === 'json_schema' ? undefined : usualTokensMax;
}

const tokensOf = (order: string): number[] => {
  const tokens = /^tokens-(\d{1,7})$/.exec(order)?.[1];
  return tokens === undefined ? [] : [Number(tokens)];
};
