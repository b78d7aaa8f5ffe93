import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiDeps } from '../../deps.ts';
import { etagOf } from '../../http/etag.ts';
import { header } from '../../http/header.ts';
import { isNotModified, sendNotModified } from '../../http/not-modified.ts';
import type { LaneBoard } from '../../lanes/lane-board.ts';
import { listedModels } from '../../models/listed-models.ts';
import { modelView, seedModelView, viewSeedModel } from '../../models/model-view.ts';
import { pageOf } from '../../models/page.ts';

export interface ModelRoutesDeps extends Pick<ApiDeps, 'prices' | 'routing'> {
  board: LaneBoard;
}

const modelList = z
  .object({
    object: z.literal('list'),
    data: z.array(modelView),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
    models: z.array(seedModelView),
  })
  .meta({ id: 'ModelList' });

const paging = z.object({
  limit: z.coerce.number().int().min(1).max(1000).optional(),
  after_id: z.string().optional(),
  before_id: z.string().optional(),
});

const anthropicPage = 20;

/** The models of the lanes that workers serve: one shape that both SDKs and the first clients of this API can read. */
export const modelRoutes: FastifyPluginAsyncZod<ModelRoutesDeps> = async (app, { prices, board, routing }) => {
  const served = async () => listedModels(routing.current(), await board.survey(), prices);

  app.get(
    '/v1/models',
    {
      schema: {
        tags: ['Models'],
        summary: 'Models and prices',
        querystring: paging,
        response: { 200: modelList, 304: z.null() },
      },
    },
    async (request, reply) => {
      const all = await served();
      const anthropic = header(request, 'anthropic-version') !== undefined;
      const { data, hasMore } = pageOf(all, {
        ...request.query,
        ...(anthropic ? { limit: request.query.limit ?? anthropicPage } : {}),
      });
      const body = {
        object: 'list' as const,
        data,
        first_id: data[0]?.id ?? null,
        last_id: data.at(-1)?.id ?? null,
        has_more: hasMore,
        models: data.map(viewSeedModel),
      };
      reply.headers({ 'cache-control': 'max-age=60', vary: 'anthropic-version' });
      return isNotModified(request, reply, etagOf(body)) ? sendNotModified(reply) : body;
    },
  );

  // A wildcard: the SDKs send a slash in a model's id as %2F, people send it as it is.
  app.get(
    '/v1/models/*',
    {
      schema: {
        tags: ['Models'],
        summary: 'One model',
        params: z.object({ '*': z.string() }),
        response: { 200: modelView },
      },
    },
    async (request) => {
      const name = request.params['*'];
      const resolved = resolveModel(name);
      const all = await served();
      // The operator's own names go before the table's.
      const found = [name, resolved?.row?.id, resolved?.id].flatMap((id) => all.filter((model) => model.id === id))[0];
      if (!found)
        throw new GatewayError({
          code: 'model_not_found',
          field: 'model',
          detail: `The model ${name.slice(0, 100)} does not exist.`,
        });
      return found;
    },
  );
};
