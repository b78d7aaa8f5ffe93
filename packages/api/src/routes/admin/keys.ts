import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { isKeyId } from '@llm-gateway/shared/contracts/ids';
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Caller } from '../../auth/caller.ts';
import { noTenant, reachTenant } from '../../auth/reach-tenant.ts';
import type { ApiDeps } from '../../deps.ts';
import { acceptEmptyBody } from '../../http/accept-empty-body.ts';
import { invalidField } from '../../http/invalid-field.ts';
import { problem } from '../../http/problem-schema.ts';
import { ignoreNulls } from '../../http/without-nulls.ts';
import type { ApiKey } from '../../keys/api-key.ts';
import type { CheckKey } from '../../keys/api-keys.ts';
import { checkGrant, checkScopes, type Grant } from '../../keys/check-grant.ts';
import { freshKeyView, keyView, viewKey, viewKeys } from '../../keys/key-view.ts';
import { keyChanges, newKey, toChanges, toWishes } from './key-body.ts';
import { pageQuery } from './policy-members.ts';

export type KeyRoutesDeps = Pick<ApiDeps, 'apiKeys' | 'tenants' | 'readSpend'>;

const tags = ['Keys'];
const refused = { '4xx': problem, '5xx': problem };
const params = z.object({ id: z.string() });
const path = '/v1/admin/keys';

/** So many keys of a tenant its own administrators may make: all tenants share one store. */
const keysMax = 10_000;

const keyPage = z
  .object({ object: z.literal('list'), data: z.array(keyView), has_more: z.boolean() })
  .meta({ id: 'ApiKeyList' });

const rotation = z
  .strictObject({
    overlap_s: z.int().min(0).max(604_800).default(86_400).describe('How long the secret before works on'),
  })
  .meta({ id: 'ApiKeyRotation', examples: [{ overlap_s: 3600 }] });

/** Who has nothing to say need not send an object to say it. */
async function emptyIfNone(request: FastifyRequest): Promise<void> {
  request.body ??= {};
}

const noKey = (id: string) =>
  new GatewayError({ code: 'not_found', detail: `There is no API key ${id.slice(0, 64)}.` });

/** What the caller may do to keys: all of a gateway or of a tenant, and of these only what its own key can do. */
async function powersOf(caller: Caller, apiKeys: ApiDeps['apiKeys']) {
  const own: Grant | undefined = caller.keyId === undefined ? undefined : await apiKeys.known(caller.keyId);
  if (caller.keyId !== undefined && !own) throw noKey(caller.keyId);
  const reach = ({ id, tenant }: ApiKey) => reachTenant(caller, tenant, () => noKey(id));
  return {
    reach,
    /** For a key that is made, changed or given a new secret. */
    grant: (key: Grant) => own && checkGrant(own, key),
    manage: ((key) => {
      reach(key);
      if (own) checkGrant(own, key);
      checkBinding(key);
    }) satisfies CheckKey,
    end: ((key) => {
      reach(key);
      if (own) checkScopes(own, key);
    }) satisfies CheckKey,
  };
}

/** Whoever administers keys can make one for any user. */
function checkBinding({ user, scopes }: Pick<ApiKey, 'user' | 'scopes'>): void {
  if (user !== undefined && scopes.includes('admin')) {
    throw invalidField('/user_id', 'must not be set together with the scope "admin"');
  }
}

/** API keys, for the operator and for the administrators of a tenant, who see and make those of their own. */
export const keyRoutes: FastifyPluginAsyncZod<KeyRoutesDeps> = async (app, deps) => {
  await app.register(keyCollection, deps);
  await app.register(singleKey, deps);
  await app.register(keyRotation, deps);
};

const keyCollection: FastifyPluginAsyncZod<KeyRoutesDeps> = async (app, { apiKeys, tenants, readSpend }) => {
  app.post(
    path,
    {
      schema: {
        tags,
        summary: 'Make an API key',
        description:
          'Its secret is the member `key` of the answer, and is shown this once. A request that names no user counts for ' +
          'the key as its own user, whose limits are the configured ones where the key sets no other.',
        body: newKey,
        response: { 201: freshKeyView, ...refused },
      },
      preValidation: ignoreNulls(),
    },
    async ({ body: { tenant_id, ...body }, caller }, reply) => {
      const tenantId = tenant_id ?? caller.tenantId;
      reachTenant(caller, tenantId);
      const wishes = toWishes(body, tenantId);
      const { grant } = await powersOf(caller, apiKeys);
      grant(wishes);
      checkBinding(wishes);
      const fresh = await apiKeys.create(wishes, caller.role === 'operator' ? undefined : keysMax);
      if (!fresh) throw noTenant(tenantId);
      return reply
        .code(201)
        .header('location', `${path}/${fresh.key.id}`)
        .send({ ...(await viewKey(fresh.key, readSpend)), key: fresh.secret });
    },
  );

  app.get(
    path,
    {
      schema: {
        tags,
        summary: 'API keys of a tenant',
        description: 'The newest first, with those that are revoked or expired.',
        querystring: z.object({ tenant_id: z.string().optional(), ...pageQuery }),
        response: { 200: keyPage, ...refused },
      },
    },
    async ({ query: { tenant_id, limit, after }, caller }) => {
      const tenantId = tenant_id ?? caller.tenantId;
      reachTenant(caller, tenantId);
      if (after !== undefined && !isKeyId(after)) throw invalidField('after', 'must be the id of an API key');
      if (!(await tenants.find(tenantId))) throw noTenant(tenantId);
      const page = await apiKeys.page(tenantId, limit, after);
      return { object: 'list' as const, data: await viewKeys(page.keys, readSpend), has_more: page.hasMore };
    },
  );
};

const singleKey: FastifyPluginAsyncZod<KeyRoutesDeps> = async (app, { apiKeys, readSpend }) => {
  app.get(
    `${path}/:id`,
    { schema: { tags, summary: 'An API key', params, response: { 200: keyView, ...refused } } },
    async ({ params: { id }, caller }) => {
      const key = await apiKeys.find(id);
      if (!key) throw noKey(id);
      reachTenant(caller, key.tenant, () => noKey(id));
      return viewKey(key, readSpend);
    },
  );

  app.patch(
    `${path}/:id`,
    {
      schema: { tags, summary: 'Change an API key', params, body: keyChanges, response: { 200: keyView, ...refused } },
    },
    async ({ params: { id }, body, caller }) => {
      const { manage } = await powersOf(caller, apiKeys);
      const key = await apiKeys.change(id, toChanges(body), manage);
      if (!key) throw noKey(id);
      return viewKey(key, readSpend);
    },
  );

  app.delete(
    `${path}/:id`,
    {
      schema: {
        tags,
        summary: 'Revoke an API key',
        description:
          'For good, and within seconds (KEY_CACHE_MS) on every api process. What it was and has used stays to be seen.',
        params,
        response: { 204: z.null(), ...refused },
      },
    },
    async ({ params: { id }, caller }, reply) => {
      const { end } = await powersOf(caller, apiKeys);
      if (!(await apiKeys.revoke(id, end))) throw noKey(id);
      return reply.code(204).send(null);
    },
  );
};

const keyRotation: FastifyPluginAsyncZod<KeyRoutesDeps> = async (app, { apiKeys, readSpend }) => {
  acceptEmptyBody(app);
  app.post(
    `${path}/:id/rotate`,
    {
      schema: {
        tags,
        summary: 'Give an API key a new secret',
        description: 'The secret before works on for a day, or for as long as is asked; the one before that no longer.',
        params,
        body: rotation,
        response: { 200: freshKeyView, ...refused },
      },
      preValidation: emptyIfNone,
    },
    async ({ params: { id }, body: { overlap_s }, caller }) => {
      const { manage } = await powersOf(caller, apiKeys);
      const fresh = await apiKeys.rotate(id, overlap_s * 1000, manage);
      if (!fresh) throw noKey(id);
      return { ...(await viewKey(fresh.key, readSpend)), key: fresh.secret };
    },
  );
};
