import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { makeEndpointId, makeEventId } from '@llm-gateway/shared/contracts/ids';
import { endpointEvents, usualEndpointEvents } from '@llm-gateway/shared/webhooks/job-webhook';
import { webhookBody } from '@llm-gateway/shared/webhooks/webhook-body';
import type { WebhookEndpoint } from '@llm-gateway/shared/webhooks/webhook-endpoints';
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { requireWholeTenant } from '../../auth/require-scope.ts';
import type { ApiDeps } from '../../deps.ts';
import { webhookIncludeMember } from '../../generation/job-members.ts';
import { acceptEmptyBody } from '../../http/accept-empty-body.ts';
import { invalidField } from '../../http/invalid-field.ts';
import { problem } from '../../http/problem-schema.ts';
import { ignoreNulls } from '../../http/without-nulls.ts';
import { deliveryList, deliveryView, viewDeliveries, viewDelivery } from '../../webhooks/delivery-view.ts';

export type WebhookEndpointDeps = Pick<ApiDeps, 'webhooks'>;

const params = z.object({ id: z.string() });

const members = {
  url: z.string().describe('https, and a public address'),
  events: z
    .array(z.enum(endpointEvents))
    .min(1)
    .max(endpointEvents.length)
    .optional()
    .describe('All that end a job or a batch, and all of budgets, if absent'),
  include: webhookIncludeMember.min(1).optional().describe('The answer travels along if it is small'),
  description: z.string().max(256).optional(),
  disabled: z.boolean().optional().describe('Gets nothing; a receiver that answers 410 disables itself'),
};

const newEndpoint = z
  .object(members)
  .meta({ id: 'NewWebhookEndpoint', examples: [{ url: 'https://example.com/hook', events: ['job.completed'] }] });
const changes = z
  .object(members)
  .partial()
  .meta({ id: 'WebhookEndpointChanges', examples: [{ disabled: true }] });

const endpointView = z
  .object({
    id: z.string(),
    object: z.literal('webhook_endpoint'),
    url: z.string(),
    events: z.array(z.enum(endpointEvents)),
    include: z.array(z.enum(['result'])),
    description: z.string(),
    disabled: z.boolean(),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'WebhookEndpoint' });

const secret = z.string().describe('Shown this once; it signs what the endpoint gets');
const endpointWithSecret = endpointView.extend({ secret }).meta({ id: 'WebhookEndpointWithSecret' });
const endpointList = z.object({
  object: z.literal('list'),
  data: z.array(endpointView),
  has_more: z.literal(false),
});

// Each gets every event of the tenant.
const endpointsMax = 20;
const shownMax = 100;

const viewEndpoint = ({ id, url, events, include, description, disabled, createdMs }: WebhookEndpoint) => ({
  id,
  object: 'webhook_endpoint' as const,
  url,
  events: events ?? [...usualEndpointEvents],
  include: include ?? [],
  description,
  disabled,
  created_at: new Date(createdMs).toISOString(),
});

const notFound = (id: string) =>
  new GatewayError({ code: 'not_found', detail: `There is no webhook endpoint ${id.slice(0, 64)}.` });

const preValidation = ignoreNulls();

const refused = { '4xx': problem, '5xx': problem };
const tags = ['Webhooks'];

/** Registered addresses, which are told of all jobs of their tenant, and of its batches and budgets. */
export const webhookEndpointRoutes: FastifyPluginAsyncZod<WebhookEndpointDeps> = async (app, deps) => {
  app.addHook('onRequest', requireWholeTenant);
  await app.register(async (registration) => {
    registration.addHook('preHandler', requireReader);
    await registration.register(endpointRoutes, deps);
  });
  await app.register(endpointActions, deps);
};

/**
 * A `preHandler` hook of what says where to tell of all jobs of a tenant: a key that may not read their answers may not
 * have them sent either. Throws `forbidden`.
 */
async function requireReader({ caller, method }: FastifyRequest): Promise<void> {
  if (caller.scopes.includes('read') || !['POST', 'PATCH'].includes(method)) return;
  const detail = 'An address is told of all jobs of the tenant: this needs the scope "read" as well.';
  throw new GatewayError({ code: 'forbidden', detail });
}

const endpointRoutes: FastifyPluginAsyncZod<WebhookEndpointDeps> = async (app, { webhooks }) => {
  const { endpoints, secrets, urlFault } = webhooks;
  const checkUrl = (url: string | undefined) => {
    const fault = url === undefined ? undefined : urlFault(url);
    if (fault !== undefined) throw invalidField('/url', fault);
  };

  app.post(
    '/v1/webhook-endpoints',
    {
      schema: {
        tags,
        summary: 'Register an address',
        body: newEndpoint,
        response: { 201: endpointWithSecret, ...refused },
      },
      preValidation,
    },
    async ({ body, caller: { tenantId } }, reply) => {
      checkUrl(body.url);
      const { description = '', disabled = false, ...given } = body;
      const endpoint = { ...given, id: makeEndpointId(), description, disabled, createdMs: Date.now() };
      // First the secret: an endpoint that is there can be told of jobs.
      const [current] = await secrets.valid(endpoint.id);
      if (!(await endpoints.add(tenantId, endpoint, endpointsMax))) {
        await secrets.remove(endpoint.id);
        throw new GatewayError({ code: 'conflict', detail: `There are ${endpointsMax} webhook endpoints already.` });
      }
      return reply
        .code(201)
        .header('location', `/v1/webhook-endpoints/${endpoint.id}`)
        .send({ ...viewEndpoint(endpoint), secret: current });
    },
  );

  app.get(
    '/v1/webhook-endpoints',
    { schema: { tags, summary: 'Registered addresses', response: { 200: endpointList, ...refused } } },
    async ({ caller }) => {
      const found = await endpoints.list(caller.tenantId);
      return { object: 'list' as const, data: found.map(viewEndpoint), has_more: false as const };
    },
  );

  app.get(
    '/v1/webhook-endpoints/:id',
    { schema: { tags, summary: 'A registered address', params, response: { 200: endpointView, ...refused } } },
    async ({ params: { id }, caller }) => {
      const endpoint = await endpoints.find(caller.tenantId, id);
      if (!endpoint) throw notFound(id);
      return viewEndpoint(endpoint);
    },
  );

  app.patch(
    '/v1/webhook-endpoints/:id',
    {
      schema: {
        tags,
        summary: 'Change a registered address',
        params,
        body: changes,
        response: { 200: endpointView, ...refused },
      },
      preValidation,
    },
    async ({ params: { id }, body, caller }) => {
      checkUrl(body.url);
      const endpoint = await endpoints.change(caller.tenantId, id, body);
      if (!endpoint) throw notFound(id);
      return viewEndpoint(endpoint);
    },
  );

  app.delete(
    '/v1/webhook-endpoints/:id',
    { schema: { tags, summary: 'Remove a registered address', params, response: { 204: z.null(), ...refused } } },
    async ({ params: { id }, caller }, reply) => {
      if (!(await endpoints.remove(caller.tenantId, id))) throw notFound(id);
      await secrets.remove(id);
      return reply.code(204).send(null);
    },
  );
};

const endpointActions: FastifyPluginAsyncZod<WebhookEndpointDeps> = async (app, { webhooks }) => {
  acceptEmptyBody(app);
  const { endpoints, secrets, deliveries } = webhooks;
  const get = async (tenantId: string, id: string) => {
    const endpoint = await endpoints.find(tenantId, id);
    if (!endpoint) throw notFound(id);
    return endpoint;
  };

  app.post(
    '/v1/webhook-endpoints/:id/rotate-secret',
    {
      schema: {
        tags,
        summary: 'Replace the secret of an address',
        description: 'For 24 hours the old one signs too.',
        params,
        response: { 200: endpointWithSecret, ...refused },
      },
    },
    async ({ params: { id }, caller }) => {
      const endpoint = await get(caller.tenantId, id);
      return { ...viewEndpoint(endpoint), secret: await secrets.rotate(id) };
    },
  );

  app.post(
    '/v1/webhook-endpoints/:id/test',
    {
      schema: {
        tags,
        summary: 'Send an event of type webhook.test',
        description: 'It goes the way of all others; GET …/deliveries says what became of it.',
        params,
        response: { 202: deliveryView, ...refused },
      },
    },
    async ({ params: { id }, caller: { tenantId } }, reply) => {
      const { url } = await get(tenantId, id);
      const event = makeEventId();
      const type = 'webhook.test';
      const body = webhookBody({ eventId: event, type, atMs: Date.now(), data: { endpoint_id: id } });
      const deliveryId = await deliveries.create({ tenant: tenantId, endpoint: id, event, type, url, body });
      const delivery = await deliveries.find(deliveryId);
      if (!delivery) throw new Error(`${deliveryId} was not kept`);
      return reply.code(202).send(viewDelivery(deliveryId, delivery));
    },
  );

  app.get(
    '/v1/webhook-endpoints/:id/deliveries',
    {
      schema: {
        tags,
        summary: 'What became of the webhooks to an address',
        params,
        response: { 200: deliveryList, ...refused },
      },
    },
    async ({ params: { id }, caller }) => {
      await get(caller.tenantId, id);
      return viewDeliveries(await deliveries.list(id, shownMax));
    },
  );
};
