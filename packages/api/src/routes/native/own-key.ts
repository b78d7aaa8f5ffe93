import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Caller } from '../../auth/caller.ts';
import type { ApiDeps } from '../../deps.ts';
import { problem } from '../../http/problem-schema.ts';
import { keyView, viewKey } from '../../keys/key-view.ts';

export type OwnKeyDeps = Pick<ApiDeps, 'apiKeys' | 'readSpend'>;

const ownKeyView = keyView
  .extend({
    id: z.string().nullable().describe('null where no API key was needed, or the admin key was sent'),
    created_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'OwnApiKey' });

/** What may be done without an API key: in open mode, and by the operator. */
const withoutKey = ({ tenantId, scopes }: Caller): z.input<typeof ownKeyView> => ({
  id: null,
  object: 'api_key',
  tenant_id: tenantId,
  name: '',
  hint: '',
  scopes: [...scopes],
  models: null,
  user_id: null,
  limits: {},
  model_limits: {},
  budgets: [],
  metadata: {},
  created_at: null,
  expires_at: null,
  revoked_at: null,
  rotated_at: null,
});

export const ownKeyRoute: FastifyPluginAsyncZod<OwnKeyDeps> = async (app, { apiKeys, readSpend }) => {
  const schema = {
    tags: ['Keys'],
    summary: 'The API key that is sent, and what it may do',
    description: 'Its own limits and budgets; those of its tenant and of its users hold as well.',
    response: { 200: ownKeyView, '4xx': problem, '5xx': problem },
  };
  app.get('/v1/key', { schema, config: { scope: 'any' } }, async ({ caller }) => {
    const key = caller.keyId === undefined ? undefined : await apiKeys.known(caller.keyId);
    return key ? viewKey(key, readSpend) : withoutKey(caller);
  });
};
