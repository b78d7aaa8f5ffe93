import type { Generation } from '@llm-gateway/shared/contracts/generation';

type Members = Record<string, unknown>;

/** How many answers may be paid for: each may be as long as one may. Of the best of several, all are. */
export function answersOf({ choices = 1, native }: Generation): number {
  return Math.max(choices, countOf(native?.body.best_of));
}

/**
 * Tokens that no answer can pass; undefined where nobody knows. `ceiling` is that of an answer without a bound of the
 * request's own.
 */
export function longestAnswer({ maxTokens, native }: Generation, ceiling: number | undefined): number | undefined {
  const most = maxTokens ?? ceiling;
  if (most === undefined || !native) return most;
  const { thinking, prediction } = native.body;
  // With tools in between, Claude may think beyond max_tokens.
  const thought = countOf(membersOf(thinking).budget_tokens);
  // What was predicted in vain is charged as if it had been written. No text has more tokens than bytes.
  const predicted = prediction == null ? 0 : Buffer.byteLength(JSON.stringify(prediction));
  return most + (thought >= most ? thought : 0) + predicted;
}

const countOf = (value: unknown): number => (typeof value === 'number' && value > 0 ? Math.ceil(value) : 0);

const membersOf = (value: unknown): Members => (typeof value === 'object' && value !== null ? (value as Members) : {});
