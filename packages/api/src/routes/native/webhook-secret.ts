import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { requireWholeTenant } from '../../auth/require-scope.ts';
import type { ApiDeps } from '../../deps.ts';
import { acceptEmptyBody } from '../../http/accept-empty-body.ts';
import { problem } from '../../http/problem-schema.ts';

const answer = z.object({ secret: z.string().describe('Signs every webhook that has no secret of its own') });

export const webhookSecretRoutes: FastifyPluginAsyncZod<Pick<ApiDeps, 'webhooks'>> = async (app, { webhooks }) => {
  acceptEmptyBody(app);
  app.addHook('onRequest', requireWholeTenant);
  const { secrets } = webhooks;
  const response = { 200: answer, '4xx': problem, '5xx': problem };
  app.get(
    '/v1/webhooks/secret',
    {
      // Who has it can sign as we do, which is more than to read.
      config: { scope: 'generate' },
      schema: { tags: ['Webhooks'], summary: 'The secret that signs your webhooks', response },
    },
    async ({ caller }, reply) => {
      reply.header('cache-control', 'no-store');
      const [secret] = await secrets.valid(caller.tenantId);
      return { secret };
    },
  );

  app.post(
    '/v1/webhooks/secret/rotate',
    {
      schema: {
        tags: ['Webhooks'],
        summary: 'Replace that secret',
        description: 'For 24 hours the old one signs too.',
        response,
      },
    },
    async ({ caller }) => ({ secret: await secrets.rotate(caller.tenantId) }),
  );
};
