import { createHash } from 'node:crypto';
import type { AskedBody } from './asked-body.ts';

// A longer name is one that only its provider would have to know; for us it stands by its digest.
const userMax = 128;

/** The end user whom a body names at a pointer, if it names one. */
export function namedUser(name: string | null | undefined, pointer: string): AskedBody['user'] {
  if (!name) return undefined;
  const isPlain = name.length <= userMax && name.isWellFormed();
  return { id: isPlain ? name : createHash('sha256').update(name).digest('hex'), pointer };
}
