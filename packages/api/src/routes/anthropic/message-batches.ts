import { Readable } from 'node:stream';
import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { makeMessageBatchId } from '@llm-gateway/shared/contracts/ids';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ownerOf } from '../../auth/owner-of.ts';
import { type Batch, hasEnded } from '../../batches/batch.ts';
import type { BatchLines } from '../../batches/batch-lines.ts';
import type { BatchStore } from '../../batches/batch-store.ts';
import { messageBatchView, viewMessageBatch } from '../../batches/message-batch-view.ts';
import { resultLine } from '../../batches/output-line.ts';
import type { Viewer } from '../../files/file-store.ts';
import { bodyDepthMax, isFlatterThan } from '../../generation/is-flatter-than.ts';
import { acceptEmptyBody } from '../../http/accept-empty-body.ts';
import { bodyValuesMax, hasAtMostValues, valuesRule } from '../../http/bound-values.ts';
import { invalidField } from '../../http/invalid-field.ts';

export interface MessageBatchRoutesDeps {
  batches: BatchStore;
  batchLines: Pick<BatchLines, 'ended'>;
  settings: { batchBodyLimitBytes: number; publicUrl?: string | undefined };
}

const tags = ['Message batches'];
const params = z.object({ id: z.string() });
const requestsMax = 100_000;
// A short request has ten.
const valuesMax = 25 * requestsMax;

const newMessageBatch = z
  .object({
    requests: z
      .array(
        z.object({
          custom_id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z, a-z, 0-9, _ and -'),
          params: z
            .record(z.string(), z.unknown())
            .refine(
              (body) => isFlatterThan(body, bodyDepthMax),
              `must not be nested deeper than ${bodyDepthMax} levels`,
            )
            .refine((body) => hasAtMostValues(body, bodyValuesMax), valuesRule(bodyValuesMax))
            .describe('The body of a request to /v1/messages'),
        }),
      )
      .min(1)
      .max(requestsMax),
  })
  .meta({
    id: 'NewMessageBatch',
    examples: [
      {
        requests: [
          {
            custom_id: 'first',
            params: {
              model: 'claude-sonnet-4-5',
              max_tokens: 100,
              messages: [{ role: 'user', content: 'Hello' }],
            },
          },
        ],
      },
    ],
  });

const query = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(20),
  after_id: z.string().optional(),
  before_id: z.string().optional(),
});

const page = z.object({
  data: z.array(messageBatchView),
  has_more: z.boolean(),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
});

const deleted = z.object({ id: z.string(), type: z.literal('message_batch_deleted') });

type Requests = z.output<typeof newMessageBatch>['requests'];

export const messageBatchRoutes: FastifyPluginAsyncZod<MessageBatchRoutesDeps> = async (app, deps) => {
  acceptEmptyBody(app);
  await app.register(readingRoutes, deps);
  await app.register(changingRoutes, deps);
};

const readingRoutes: FastifyPluginAsyncZod<MessageBatchRoutesDeps> = async (app, deps) => {
  const { batches, batchLines, settings } = deps;
  const view = (batch: Batch) => viewMessageBatch(batch, settings.publicUrl);

  app.get(
    '/v1/messages/batches',
    { schema: { tags, summary: 'Message batches, the newest first', querystring: query, response: { 200: page } } },
    async ({ caller, query: { limit, after_id: after, before_id: before } }) => {
      if (after !== undefined && before !== undefined) {
        throw invalidField('before_id', 'must not be sent together with after_id');
      }
      const found = await batches.page(caller, 'anthropic', { limit, after, before });
      const data = found.slice(0, limit).map(view);
      const [first_id, last_id] = [data[0]?.id ?? null, data.at(-1)?.id ?? null];
      return { data, has_more: found.length > limit, first_id, last_id };
    },
  );

  app.get(
    '/v1/messages/batches/:id',
    { schema: { tags, summary: 'How far a message batch is', params, response: { 200: messageBatchView } } },
    async ({ caller, params: { id } }) => view(await getBatch(batches, caller, id)),
  );

  app.get(
    '/v1/messages/batches/:id/results',
    {
      schema: {
        tags,
        summary: 'What became of the requests of a message batch',
        description: 'One JSON object per line, for 29 days after its end.',
        params,
        response: { 200: z.unknown().describe('application/x-jsonl') },
      },
    },
    async ({ caller, params: { id } }, reply) => {
      const batch = await getBatch(batches, caller, id);
      if (!hasEnded(batch)) throw invalidField('id', `batch ${batch.id} has not ended yet`);
      if (batch.archived_at) {
        throw new GatewayError({ code: 'result_expired', detail: `The results of ${batch.id} are no longer kept.` });
      }
      reply.headers({ 'content-type': 'application/x-jsonl', 'cache-control': 'private, no-store' });
      return reply.send(Readable.from(resultLines(batchLines, batch.id), { objectMode: false }));
    },
  );
};

async function* resultLines(lines: Pick<BatchLines, 'ended'>, id: string): AsyncGenerator<string, void> {
  for await (const line of lines.ended(id)) yield resultLine(line);
}

const changingRoutes: FastifyPluginAsyncZod<MessageBatchRoutesDeps> = async (app, { batches, settings }) => {
  const view = (batch: Batch) => viewMessageBatch(batch, settings.publicUrl);

  app.post(
    '/v1/messages/batches',
    {
      bodyLimit: settings.batchBodyLimitBytes,
      config: { valuesMax },
      schema: {
        tags,
        summary: 'Run requests to /v1/messages at the batch price',
        description: 'Within 24 hours. What is wrong with the params of a request is told in its result.',
        body: newMessageBatch,
        response: { 200: messageBatchView },
      },
    },
    async (request) => {
      const { caller, body } = request;
      requireUniqueIds(body.requests);
      const batch = {
        id: makeMessageBatchId(),
        tenant: caller.tenantId,
        key: caller.keyId ?? null,
        owner: ownerOf(request),
        kind: 'anthropic',
        endpoint: '/v1/messages',
      } as const;
      const lines = body.requests.map(({ custom_id, params }, index) => ({
        number: index + 1,
        customId: custom_id,
        request: JSON.stringify(params),
      }));
      return view(await batches.createWithLines(batch, lines));
    },
  );

  app.post(
    '/v1/messages/batches/:id/cancel',
    {
      schema: {
        tags,
        summary: 'Cancel a message batch',
        description: 'What has been answered by then is among its results.',
        params,
        response: { 200: messageBatchView },
      },
    },
    async ({ caller, params: { id } }) => {
      const batch = await batches.cancel(caller, 'anthropic', id);
      if (!batch) throw noBatch(id);
      return view(batch);
    },
  );

  app.delete(
    '/v1/messages/batches/:id',
    { schema: { tags, summary: 'Remove a message batch that has ended', params, response: { 200: deleted } } },
    async ({ caller, params: { id } }) => {
      if (!(await batches.remove(caller, 'anthropic', id))) {
        const batch = await getBatch(batches, caller, id);
        throw invalidField('id', `batch ${batch.id} has not ended yet: cancel it first`);
      }
      return { id, type: 'message_batch_deleted' as const };
    },
  );
};

async function getBatch(batches: BatchStore, viewer: Viewer, id: string): Promise<Batch> {
  const batch = await batches.find(viewer, 'anthropic', id);
  if (!batch) throw noBatch(id);
  return batch;
}

function requireUniqueIds(requests: Requests): void {
  const seen = new Map<string, number>();
  for (const [index, { custom_id }] of requests.entries()) {
    const first = seen.get(custom_id);
    if (first !== undefined) {
      throw invalidField(`/requests/${index}/custom_id`, `must be unique; request ${first} has the same`);
    }
    seen.set(custom_id, index);
  }
}

const noBatch = (id: string) =>
  new GatewayError({ code: 'not_found', field: 'id', detail: `There is no message batch ${id.slice(0, 64)}.` });
