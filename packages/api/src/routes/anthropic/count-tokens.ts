import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { type ResolvedModel, resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Caller } from '../../auth/caller.ts';
import type { ApiDeps } from '../../deps.ts';
import type { LaneBoard } from '../../lanes/lane-board.ts';
import { anthropicError } from './answer-schemas.ts';
import { countPrompt } from './count-prompt.ts';
import { countTokensBody } from './dialect/messages-body.ts';
import { toGeneration } from './dialect/to-generation.ts';

type CountDeps = Pick<ApiDeps, 'counter'> & { board: Pick<LaneBoard, 'survey'> };

const tokenCount = z.object({ input_tokens: z.int().min(1) }).meta({ id: 'TokenCount' });

const schema = {
  tags: ['Anthropic'],
  summary: "Count a message's tokens",
  description:
    'How many tokens the prompt of a message comes to, answered at once: it makes no job and counts against no limit. ' +
    'Estimated for every model, as `x-gateway-token-count: estimated` says; what an image or a document comes to is a guess.',
  body: countTokensBody,
  response: { 200: tokenCount, '4xx': anthropicError, '5xx': anthropicError },
};

export const countTokensRoute: FastifyPluginAsyncZod<CountDeps> = async (app, { counter, board }) => {
  app.post('/v1/messages/count_tokens', { schema }, async (request, reply) => {
    const model = findModel(request.body.model, request.caller);
    const { generation } = toGeneration(request.body);
    const { lanes } = await board.survey();
    // A stand-in counts as OpenAI does, whomever it stands in for.
    const counts = lanes.get(model.provider) === 'sandbox' ? 'sandbox' : model.provider;
    const input_tokens = await countPrompt(generation, { model, counts }, counter);
    return reply.header('x-gateway-token-count', 'estimated').send({ input_tokens });
  });
};

function findModel(name: string, { models }: Caller): ResolvedModel {
  const model = resolveModel(name);
  if (!model) {
    const detail = `The model "${name.slice(0, 100)}" is not known; GET /v1/models lists the models.`;
    throw new GatewayError({ code: 'model_not_found', field: '/model', detail });
  }
  if (models?.includes(model.id) === false) {
    throw new GatewayError({ code: 'forbidden', field: '/model', detail: `The API key may not use ${model.id}.` });
  }
  return model;
}
