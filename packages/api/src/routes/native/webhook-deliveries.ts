import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiDeps } from '../../deps.ts';
import { acceptEmptyBody } from '../../http/accept-empty-body.ts';
import { problem } from '../../http/problem-schema.ts';
import { deliveryList, deliveryView, viewDeliveries, viewDelivery } from '../../webhooks/delivery-view.ts';

const shownMax = 100;

export const webhookDeliveryRoutes: FastifyPluginAsyncZod<Pick<ApiDeps, 'jobs' | 'webhooks'>> = async (
  app,
  { jobs, webhooks: { deliveries } },
) => {
  acceptEmptyBody(app);
  app.get(
    '/v1/jobs/:id/webhook-deliveries',
    {
      schema: {
        tags: ['Webhooks'],
        summary: 'What became of the webhooks of a job',
        params: z.object({ id: z.string() }),
        response: { 200: deliveryList, '4xx': problem, '5xx': problem },
      },
    },
    async ({ params, caller }) => {
      const { id } = await jobs.get(caller, params.id);
      return viewDeliveries(await deliveries.list(id, shownMax));
    },
  );

  app.post(
    '/v1/jobs/:id/webhook-deliveries/:delivery_id/redeliver',
    {
      schema: {
        tags: ['Webhooks'],
        summary: 'Send a webhook once more',
        description: 'Now, with the same id and body, and then on the same schedule as the first time.',
        params: z.object({ id: z.string(), delivery_id: z.string() }),
        response: { 202: deliveryView, '4xx': problem, '5xx': problem },
      },
    },
    async ({ params: { id: name, delivery_id: deliveryId }, caller }, reply) => {
      const { id } = await jobs.get(caller, name);
      const known = await deliveries.find(deliveryId);
      const isSent = known?.job === id && (await deliveries.redeliver(deliveryId));
      const delivery = isSent ? await deliveries.find(deliveryId) : undefined;
      if (!delivery) {
        throw new GatewayError({
          code: 'not_found',
          detail: `The job has no delivery ${deliveryId.slice(0, 64)}.`,
        });
      }
      return reply.code(202).send(viewDelivery(deliveryId, delivery));
    },
  );
};
