import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { builtInProviders } from '@llm-gateway/shared/contracts/provider-name';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiDeps } from '../../deps.ts';
import type { LaneBoard } from '../../lanes/lane-board.ts';
import { planTargets } from '../../routing/plan-targets.ts';
import { anthropicError } from './answer-schemas.ts';
import { countPrompt } from './count-prompt.ts';
import { countTokensBody } from './dialect/messages-body.ts';
import { toGeneration } from './dialect/to-generation.ts';

type CountDeps = Pick<ApiDeps, 'counter' | 'routing'> & { board: Pick<LaneBoard, 'survey'> };

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

export const countTokensRoute: FastifyPluginAsyncZod<CountDeps> = async (app, { counter, routing, board }) => {
  app.post('/v1/messages/count_tokens', { schema }, async (request, reply) => {
    const { lanes, known } = await board.survey();
    const [model] = planTargets(request.body.model, routing.current(), Math.random);
    if (!model || ![...builtInProviders, ...known].includes(model.provider)) throw unknownModel(request.body.model);
    if (request.caller.models?.includes(model.id) === false) throw foreignModel(model.id);
    const { generation } = toGeneration(request.body);
    // A stand-in counts as OpenAI does, whomever it stands in for.
    const counts = lanes.get(model.provider) === 'sandbox' ? 'sandbox' : model.provider;
    const input_tokens = await countPrompt(generation, { model, counts }, counter);
    return reply.header('x-gateway-token-count', 'estimated').send({ input_tokens });
  });
};

function unknownModel(name: string): GatewayError {
  const detail = `The model "${name.slice(0, 100)}" is not known; GET /v1/models lists the models.`;
  return new GatewayError({ code: 'model_not_found', field: '/model', detail });
}

const foreignModel = (id: string) =>
  new GatewayError({ code: 'forbidden', field: '/model', detail: `The API key may not use ${id}.` });
