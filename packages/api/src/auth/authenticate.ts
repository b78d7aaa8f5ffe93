import { createHash, timingSafeEqual } from 'node:crypto';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { FastifyRequest } from 'fastify';
import { header } from '../http/header.ts';
import { type ApiKey, isUsable } from '../keys/api-key.ts';
import type { ApiKeys } from '../keys/api-keys.ts';
import { isKeySecret } from '../keys/key-secret.ts';
import type { ReadOptions } from '../keys/known-keys.ts';
import { defaultTenant } from '../tenants/tenant.ts';
import type { Tenants } from '../tenants/tenants.ts';
import type { Caller } from './caller.ts';

export type AuthMode = 'open' | 'keys';

export interface AuthOptions {
  mode: AuthMode;
  adminKey: string | undefined;
  apiKeys: Pick<ApiKeys, 'ofSecret'>;
  tenants: Pick<Tenants, 'known'>;
}

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
  /**
   * The caller of an API request, by what this process knows of its key, or by the key as it is now. Throws `unauthenticated`, with the same words whether a key is unknown, revoked or
   * expired; `forbidden` where its tenant is disabled; `dependency_down`.
   */
  caller(request: Pick<FastifyRequest, 'headers'>, options?: ReadOptions): Promise<Caller>;
  /** Whether this is the admin key. */
  isAdminKey(credential: string | undefined): boolean;
}

const operator: Caller = {
  tenantId: defaultTenant,
  role: 'operator',
  scopes: ['generate', 'read', 'admin'],
  userId: 'admin',
};

const everybody: Caller = { tenantId: defaultTenant, role: 'open', scopes: ['generate', 'read'] };

export function createAuthenticator({ mode, adminKey, apiKeys, tenants }: AuthOptions): Authenticator {
  const isAdminKey = (credential: string | undefined) =>
    adminKey !== undefined && credential !== undefined && equal(credential, adminKey);

  async function holderOf(secret: string, options?: ReadOptions): Promise<Caller> {
    const key = await apiKeys.ofSecret(secret, options);
    if (!key || !isUsable(key, Date.now())) throw unknownKey();
    const tenant = await tenants.known(key.tenant);
    if (!tenant) throw unknownKey();
    if (tenant.disabled) throw new GatewayError({ code: 'forbidden', detail: 'The tenant of this key is disabled.' });
    return callerOf(key);
  }

  return {
    operator,
    mode,
    isAdminKey,
    async caller(request, options) {
      const credential = credentialOf(request);
      if (isAdminKey(credential)) return operator;
      // A key of ours that does not open is refused even where none is needed: its sender counts on being told.
      if (credential !== undefined && isKeySecret(credential)) return holderOf(credential, options);
      if (mode === 'open') return everybody;
      throw credential === undefined ? keyRequired() : unknownKey();
    },
  };
}

const callerOf = ({ id, tenant, scopes, user, models }: ApiKey): Caller => ({
  tenantId: tenant,
  role: 'key',
  scopes,
  keyId: id,
  userId: user ?? id,
  ...(user === undefined ? {} : { boundUserId: user }),
  ...(models === undefined ? {} : { models }),
});

const keyRequired = () =>
  new GatewayError({
    code: 'unauthenticated',
    detail: 'An API key is required: send Authorization: Bearer <key> or x-api-key: <key>.',
  });

const unknownKey = () => new GatewayError({ code: 'unauthenticated', detail: 'The API key is not known.' });
