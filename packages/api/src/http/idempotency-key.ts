import { invalidHeader } from './invalid-field.ts';

/** The key of an `Idempotency-Key` header, bare or as a structured-field string (`"…"`). Throws `malformed_request`. */
export function parseIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header)?.[1];
  const key = quoted === undefined ? header : quoted.replace(/\\(["\\])/g, '$1');
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw invalidHeader('idempotency-key', 'must be 1 to 255 visible ASCII characters');
  }
  return key;
}
