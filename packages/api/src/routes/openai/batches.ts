import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { makeBatchId } from '@llm-gateway/shared/contracts/ids';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ownerOf } from '../../auth/owner-of.ts';
import { type Batch, hasEnded } from '../../batches/batch.ts';
import type { BatchStore } from '../../batches/batch-store.ts';
import { batchView, viewBatch } from '../../batches/batch-view.ts';
import type { FileStore, Viewer } from '../../files/file-store.ts';
import { keptMaxS, keptMinS } from '../../files/upload-fields.ts';
import { metadataMember } from '../../generation/job-members.ts';
import { acceptEmptyBody } from '../../http/accept-empty-body.ts';
import { invalidField } from '../../http/invalid-field.ts';
import { ignoreNulls } from '../../http/without-nulls.ts';
import { generationEndpoints } from '../generation-endpoints.ts';
import { listOfFound, listSchema } from './list.ts';

export interface BatchRoutesDeps {
  batches: BatchStore;
  files: Pick<FileStore, 'find'>;
}

const tags = ['Batches'];
const params = z.object({ id: z.string() });

/** Where the requests of a batch may go: to all that generates, but for what has batches of its own. */
const batchEndpoints = generationEndpoints.filter(({ dialect }) => dialect !== 'anthropic').map(({ path }) => path);

const newBatch = z
  .object({
    input_file_id: z.string().describe('A file of the purpose batch, one request per line'),
    endpoint: z.enum(batchEndpoints),
    completion_window: z.literal('24h'),
    metadata: metadataMember.optional(),
    output_expires_after: z
      .object({ anchor: z.literal('created_at'), seconds: z.int().min(keptMinS).max(keptMaxS) })
      .optional(),
  })
  .meta({
    id: 'NewBatch',
    examples: [{ input_file_id: 'file-abc', endpoint: '/v1/chat/completions', completion_window: '24h' }],
  });

const query = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z.string().optional().describe('Id of the last batch of the page before'),
});

export const batchRoutes: FastifyPluginAsyncZod<BatchRoutesDeps> = async (app, { batches, files }) => {
  acceptEmptyBody(app);
  const get = async (viewer: Viewer, id: string): Promise<Batch> => {
    const batch = await batches.find(viewer, 'openai', id);
    if (!batch) throw noBatch(id);
    return batch;
  };

  app.post(
    '/v1/batches',
    {
      preValidation: ignoreNulls(),
      schema: {
        tags,
        summary: 'Run the requests of a file at the batch price',
        description: 'Within 24 hours; what has not been done by then expires.',
        body: newBatch,
        response: { 200: batchView },
      },
    },
    async (request) => {
      const { caller, body } = request;
      const owner = ownerOf(request);
      const file = await files.find(caller, body.input_file_id);
      if (!file) throw invalidField('/input_file_id', `there is no file ${body.input_file_id.slice(0, 64)}`);
      if (file.purpose !== 'batch') throw invalidField('/input_file_id', 'must be a file of the purpose batch');
      const batch = await batches.create({
        id: makeBatchId(),
        tenant: caller.tenantId,
        key: caller.keyId ?? null,
        owner,
        kind: 'openai',
        endpoint: body.endpoint,
        input_file: file.id,
        metadata: body.metadata ? JSON.stringify(body.metadata) : null,
        output_expires_s: body.output_expires_after?.seconds ?? null,
      });
      return viewBatch(batch);
    },
  );

  app.get(
    '/v1/batches',
    {
      schema: {
        tags,
        summary: 'Batches, the newest first',
        querystring: query,
        response: { 200: listSchema(batchView) },
      },
    },
    async ({ caller, query }) => listOfFound((await batches.page(caller, 'openai', query)).map(viewBatch), query.limit),
  );

  app.get(
    '/v1/batches/:id',
    { schema: { tags, summary: 'How far a batch is', params, response: { 200: batchView } } },
    async ({ caller, params: { id } }) => viewBatch(await get(caller, id)),
  );

  app.post(
    '/v1/batches/:id/cancel',
    {
      schema: {
        tags,
        summary: 'Cancel a batch',
        description: 'What has been answered by then is in its output file.',
        params,
        response: { 200: batchView },
      },
    },
    async ({ caller, params: { id } }) => {
      const batch = await batches.cancel(caller, 'openai', id);
      if (!batch) throw noBatch(id);
      requireCancellable(batch);
      return viewBatch(batch);
    },
  );
};

function requireCancellable(batch: Batch): void {
  if (batch.status === 'cancelled' || !(batch.status === 'finalizing' || hasEnded(batch))) return;
  throw new GatewayError({ code: 'conflict', detail: `A batch that is ${batch.status} cannot be cancelled.` });
}

const noBatch = (id: string) =>
  new GatewayError({ code: 'not_found', field: 'id', detail: `There is no batch ${id.slice(0, 64)}.` });
