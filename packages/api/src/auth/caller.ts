import type { Scope } from '@llm-gateway/shared/contracts/policy';

/** Who sends a request. */
export interface Caller {
  tenantId: string;
  /** `operator` holds the admin key; `open` came without a key while the gateway is open; `key` holds an API key. */
  role: 'operator' | 'open' | 'key';
  scopes: readonly Scope[];
  /** The API key that was sent; absent for the other roles. */
  keyId?: string | undefined;
  /** The user to count for where the request names none; absent means that it must name one. */
  userId?: string | undefined;
  /** The only user that it may name, and whose jobs it may see. */
  boundUserId?: string | undefined;
  /** Our ids of the models that it may ask for; absent: all. */
  models?: readonly string[] | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
  }
}
