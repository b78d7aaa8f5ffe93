import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiDeps } from '../../deps.ts';
import { countedModel } from '../../generation/counted-model.ts';
import type { LaneBoard } from '../../lanes/lane-board.ts';
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
    const model = countedModel(request.body.model, request.caller, { known }, routing);
    const { generation } = toGeneration(request.body);
    // A stand-in counts as OpenAI does, whomever it stands in for.
    const counts = lanes.get(model.provider) === 'sandbox' ? 'sandbox' : model.provider;
    const input_tokens = await countPrompt(generation, { model, counts }, counter);
    return reply.header('x-gateway-token-count', 'estimated').send({ input_tokens });
  });
};
