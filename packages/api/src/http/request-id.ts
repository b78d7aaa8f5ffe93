import type { IncomingMessage } from 'node:http';
import { makeRequestId } from '@llm-gateway/shared/contracts/ids';

const visibleAscii = /^[\x21-\x7e]{1,128}$/;

/** The client's own id where it sent a usable one, else a new one. It names a request in logs; nothing is keyed by it. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'] ?? headers['x-client-request-id'];
  return typeof given === 'string' && visibleAscii.test(given) ? given : makeRequestId();
}
