import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import type { ApiConfig } from '../config.ts';
import { createApiKeys } from '../keys/api-keys.ts';
import { createPolicies } from '../tenants/policies.ts';
import { createTenants } from '../tenants/tenants.ts';
import { type AuthMode, createAuthenticator } from './authenticate.ts';

/** Who may use the gateway, and for how much. */
export function createAccess(redis: Redis, keys: Keys, mode: AuthMode, config: Readonly<ApiConfig>) {
  const apiKeys = createApiKeys({ redis, keys, cacheMs: config.KEY_CACHE_MS });
  const tenants = createTenants({ redis, keys, cacheMs: config.KEY_CACHE_MS });
  const defaults = {
    requestsPerMinute: config.MAX_REQUESTS_PER_MINUTE,
    requestsPerHour: config.MAX_REQUESTS_PER_HOUR,
    tokensPerMinute: config.MAX_TOKENS_PER_MINUTE,
    concurrency: config.MAX_CONCURRENCY,
  };
  return {
    apiKeys,
    tenants,
    policies: createPolicies({ apiKeys, tenants, defaults }),
    authenticator: createAuthenticator({ mode, adminKey: config.ADMIN_API_KEY, apiKeys, tenants }),
  };
}
