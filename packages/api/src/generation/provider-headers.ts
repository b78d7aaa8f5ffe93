import type { Generation } from '@llm-gateway/shared/contracts/generation';
import { invalidHeader } from '../http/invalid-field.ts';

const charactersMax = 1024;
const printable = /^[\x20-\x7e]*$/;

/**
 * Those of the client's headers that its provider is sent. They are kept with the job, so they have a bound. Undefined for
 * none. Throws `malformed_request`.
 */
export function readProviderHeaders(
  header: (name: string) => string | undefined,
  names: readonly string[] = [],
): Record<string, string> | undefined {
  const sent = names.flatMap((name) => {
    const value = header(name);
    if (!value) return [];
    if (value.length > charactersMax || !printable.test(value)) {
      throw invalidHeader(name, `must be at most ${charactersMax} printable ASCII characters`);
    }
    return [[name, value] as const];
  });
  return sent.length === 0 ? undefined : Object.fromEntries(sent);
}

/** They go with the body that they came with. */
export const withHeaders = (generation: Generation, headers: Record<string, string> | undefined): Generation =>
  generation.native && headers ? { ...generation, native: { ...generation.native, headers } } : generation;
