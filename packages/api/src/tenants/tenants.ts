import { callRedis } from '@llm-gateway/shared/redis/call-redis';
import { createFieldChange } from '@llm-gateway/shared/redis/change-field';
import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';
import { createRecordCache } from '../auth/record-cache.ts';
import { defaultTenant, emptyTenant, type Tenant, tenant, type UserPolicy, userPolicy } from './tenant.ts';

export type TenantChanges = Partial<Omit<Tenant, 'id' | 'createdMs'>>;

/** Tenants and what is set for their users. Everything throws `dependency_down`. */
export interface Tenants {
  /** All, the newest first. */
  list(): Promise<Tenant[]>;
  find(id: string): Promise<Tenant | undefined>;
  /** Whether the id was free. */
  add(tenant: Tenant): Promise<boolean>;
  /** Gives the changed tenant; undefined where there is none. */
  change(id: string, changes: TenantChanges): Promise<Tenant | undefined>;
  /** `used`: it has keys that are not revoked. The default one is as if it had never been changed. */
  remove(id: string): Promise<'removed' | 'used' | 'missing'>;
  findUser(tenantId: string, userId: string): Promise<UserPolicy | undefined>;
  /** Whether the tenant is there. */
  setUser(tenantId: string, userId: string, policy: UserPolicy): Promise<boolean>;
  /** Whether something was set. */
  removeUser(tenantId: string, userId: string): Promise<boolean>;
  /** The tenant as this process knows it: a change by another one is seen after the cache's time at the latest. */
  known(id: string): Promise<Tenant | undefined>;
  /** The same of what is set for a user; nothing may be. */
  knownUser(tenantId: string, userId: string): Promise<UserPolicy>;
}

// Under an id that was a tenant's before stand that one's jobs and figures.
const addLua = `
if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 then
  return 0
end
return redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])`;

const setUserLua = `
if ARGV[1] ~= ARGV[4] and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 1`;

const parse = (text: string): Tenant => tenant.parse(JSON.parse(text));

const byAge = (left: Tenant, right: Tenant) => right.createdMs - left.createdMs || (left.id < right.id ? -1 : 1);

export interface TenantsOptions {
  redis: Redis;
  keys: Keys;
  cacheMs: number;
}

export function createTenants({ redis, keys, cacheMs }: TenantsOptions): Tenants {
  const addScript = defineScript(redis, addLua);
  const changeField = createFieldChange(redis);
  const setUserScript = defineScript(redis, setUserLua);
  const removeScript = defineScript(redis, loadLua(import.meta.url, './remove-tenant.lua'));
  const read = (id: string) => callRedis(() => redis.hget(keys.tenants, id));
  const asFound = (id: string, text: string | null): Tenant | undefined => {
    if (text !== null) return parse(text);
    return id === defaultTenant ? emptyTenant(id, 0) : undefined;
  };
  const find = async (id: string) => asFound(id, await read(id));
  async function findUser(tenantId: string, userId: string): Promise<UserPolicy | undefined> {
    const text = await callRedis(() => redis.hget(keys.tenantUsers(tenantId), userId));
    return text === null ? undefined : userPolicy.parse(JSON.parse(text));
  }

  const records = createRecordCache({ read: find, ttlMs: cacheMs });
  // Most users have nothing of their own, which is worth to be kept as well.
  const users = createRecordCache<UserPolicy>({
    read: async (name) => (await findUser(...(JSON.parse(name) as [string, string]))) ?? { limits: {} },
    ttlMs: cacheMs,
  });
  const nameOf = (tenantId: string, userId: string) => JSON.stringify([tenantId, userId]);

  return {
    find,
    findUser,
    known: records.get,
    knownUser: async (tenantId, userId) => (await users.get(nameOf(tenantId, userId))) ?? { limits: {} },

    async list() {
      const texts = await callRedis(() => redis.hvals(keys.tenants));
      const found = texts.map(parse);
      const isThere = found.some(({ id }) => id === defaultTenant);
      return (isThere ? found : [...found, emptyTenant(defaultTenant, 0)]).sort(byAge);
    },

    async add(fresh) {
      if (fresh.id === defaultTenant) return false;
      return (await addScript([keys.tenants, keys.tenantsGone], [fresh.id, JSON.stringify(fresh)])) === 1;
    },

    async change(id, changes) {
      const after = await changeField(keys.tenants, id, (text) => {
        const before = asFound(id, text);
        return before && JSON.stringify({ ...before, ...changes });
      });
      if (after === undefined) return undefined;
      records.drop(id);
      return parse(after);
    },

    async remove(id) {
      // What needs no key goes on where there is always a tenant.
      const addresses = id === defaultTenant ? [] : [keys.webhookEndpoints(id), keys.webhookSecret(id)];
      const names = [keys.tenants, keys.tenantUsers(id), keys.apiKeys(id), keys.tenantsGone, ...addresses];
      const outcome = await removeScript(names, [id, keys.apiKey('')]);
      records.drop(id);
      return outcome === 'missing' && id === defaultTenant ? 'removed' : (outcome as 'removed' | 'used' | 'missing');
    },

    async setUser(tenantId, userId, policy) {
      const args = [tenantId, userId, JSON.stringify(policy), defaultTenant];
      const isSet = (await setUserScript([keys.tenants, keys.tenantUsers(tenantId)], args)) === 1;
      users.drop(nameOf(tenantId, userId));
      return isSet;
    },

    async removeUser(tenantId, userId) {
      const count = await callRedis(() => redis.hdel(keys.tenantUsers(tenantId), userId));
      users.drop(nameOf(tenantId, userId));
      return count === 1;
    },
  };
}
