import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type CountDeps, countForModel } from '../../generation/count-for-model.ts';
import { anthropicError } from './answer-schemas.ts';
import { countTokensBody } from './dialect/messages-body.ts';
import { toGeneration } from './dialect/to-generation.ts';

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

export const countTokensRoute: FastifyPluginAsyncZod<CountDeps> = async (app, deps) => {
  app.post('/v1/messages/count_tokens', { schema }, async (request, reply) => {
    const { generation } = toGeneration(request.body);
    const input_tokens = await countForModel(generation, request.body.model, request.caller, deps);
    return reply.header('x-gateway-token-count', 'estimated').send({ input_tokens });
  });
};
