import { createHash, timingSafeEqual } from 'node:crypto';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { FastifyRequest } from 'fastify';
import { header } from '../http/header.ts';
import type { Caller } from './caller.ts';

export type AuthMode = 'open' | 'keys';

export interface AuthOptions {
  mode: AuthMode;
  adminKey: string | undefined;
}

// One tenant owns everything until keys of tenants exist.
const defaultTenant = 'default';

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Compares in constant time, whatever the lengths. */
const equal = (left: string, right: string) => timingSafeEqual(digest(left), digest(right));

/** The credential of a request: `Authorization: Bearer`, else `x-api-key`, else `api-key`, as the various SDKs send it. */
export function credentialOf(request: Pick<FastifyRequest, 'headers'>): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(header(request, 'authorization') ?? '')?.[1];
  return bearer ?? header(request, 'x-api-key') ?? header(request, 'api-key');
}

export interface Authenticator {
  /** Whoever holds the admin key. */
  operator: Caller;
  mode: AuthMode;
  /** The caller of an API request. Throws `unauthenticated`. */
  caller(request: Pick<FastifyRequest, 'headers'>): Caller;
  /** Whether this is the admin key. */
  isAdminKey(credential: string | undefined): boolean;
}

export function createAuthenticator({ mode, adminKey }: AuthOptions): Authenticator {
  const isAdminKey = (credential: string | undefined) =>
    adminKey !== undefined && credential !== undefined && equal(credential, adminKey);
  const operator: Caller = { tenantId: defaultTenant, role: 'admin', userId: 'admin' };
  return {
    operator,
    mode,
    isAdminKey,
    caller(request) {
      const credential = credentialOf(request);
      if (isAdminKey(credential)) return operator;
      if (mode === 'open') return { tenantId: defaultTenant, role: 'open' };
      throw new GatewayError({
        code: 'unauthenticated',
        detail:
          credential === undefined
            ? 'An API key is required: send Authorization: Bearer <key> or x-api-key: <key>.'
            : 'The API key is not known.',
      });
    },
  };
}
