import type { FastifyInstance, FastifyRequest } from 'fastify';
import { refuseUnknownModel } from '../call/refuse-unknown-model.ts';
import { type CatalogueModel, catalogue, findModel } from './catalogue.ts';

const CREATED_AT = new Date('2024-05-10T18:50:49Z');

/** Both vendors have this path: the header `anthropic-version` tells whose answer is wanted. */
export function modelRoutes(app: FastifyInstance): void {
  app.get('/v1/models', async (request) => {
    if (!isAnthropic(request)) return { object: 'list', data: catalogue.map(toOpenAIModel) };
    const data = catalogue.filter(({ vendor }) => vendor !== 'openai').map(toAnthropicModel);
    return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
  });

  // A wildcard, because a model's name may hold slashes.
  app.get<{ Params: { '*': string } }>('/v1/models/*', async (request) => {
    const id = request.params['*'];
    refuseUnknownModel(id);
    return isAnthropic(request) ? toAnthropicModel(findModel(id)) : toOpenAIModel(findModel(id));
  });
}

function isAnthropic(request: FastifyRequest): boolean {
  return request.headers['anthropic-version'] !== undefined;
}

function toOpenAIModel({ id, vendor }: CatalogueModel) {
  return { id, object: 'model', created: CREATED_AT.getTime() / 1_000, owned_by: vendor };
}

function toAnthropicModel({ id, displayName }: CatalogueModel) {
  return {
    id,
    type: 'model',
    display_name: displayName,
    created_at: CREATED_AT.toISOString(),
    capabilities: null,
    max_input_tokens: 200_000,
    max_tokens: 64_000,
    lifecycle: 'active',
    deprecated_at: null,
    retires_at: null,
    line: null,
  };
}
