import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { countPromptTokens } from '@llm-gateway/shared/tokens/count-prompt';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiDeps } from '../../deps.ts';
import { countForModel } from '../../generation/count-for-model.ts';
import { dialectRoute } from '../../generation/dialect-route.ts';
import type { JobCommands } from '../../jobs/job-commands.ts';
import type { LaneBoard } from '../../lanes/lane-board.ts';
import { openaiErrors } from './openai-errors.ts';
import { countPrevious } from './responses/previous-response.ts';
import { readPrompt } from './responses/read-generation.ts';
import { inputTokensBody } from './responses/responses-body.ts';
import { responsesPath } from './responses/responses-path.ts';
import { responseSchema } from './responses/responses-schema.ts';
import { responsesEndpoint } from './responses-endpoint.ts';
import { keptResponseRoutes, storedResponseRoutes } from './stored-responses.ts';

export type ResponsesDeps = Pick<
  ApiDeps,
  'admission' | 'jobs' | 'streams' | 'markDelivered' | 'metrics' | 'settings' | 'attendance' | 'counter' | 'routing'
> & { commands: JobCommands; board: Pick<LaneBoard, 'survey'> };

const tags = ['OpenAI'];

/** All of `/v1/responses`. */
export const responsesRoutes: FastifyPluginAsyncZod<ResponsesDeps> = async (app, deps) => {
  await app.register(
    dialectRoute(responsesEndpoint, {
      tags,
      summary: 'Create a response',
      description:
        "In the words of OpenAI's Responses API, for models of all providers. With `background: true` the response is " +
        'answered at once and goes on; with `stream: true` its events come as they happen, and `starting_after` of ' +
        'GET /v1/responses/{id} resumes them.',
      response: { 200: responseSchema, ...openaiErrors },
    }),
    deps,
  );
  await app.register(storedResponseRoutes, deps);
  await app.register(keptResponseRoutes, deps);

  app.post(
    `${responsesPath}/input_tokens`,
    {
      schema: {
        tags,
        summary: 'Count the tokens of an input',
        description: 'An estimate of our own tokenizer: the provider is not asked, and nothing is charged.',
        body: inputTokensBody,
        response: {
          200: z.object({ object: z.literal('response.input_tokens'), input_tokens: z.int() }),
          ...openaiErrors,
        },
      },
    },
    async ({ body, caller }, reply) => {
      const before = await countPrevious(body.previous_response_id, caller, deps.jobs);
      const prompt = readPrompt(body, () => undefined);
      const said =
        body.model == null
          ? await countPromptTokens(prompt, deps.counter)
          : await countForModel(prompt, body.model, caller, deps);
      const input_tokens = before + said;
      reply.header('x-gateway-token-count', 'estimated');
      return { object: 'response.input_tokens' as const, input_tokens };
    },
  );

  app.post(`${responsesPath}/compact`, { schema: { tags, hide: true } }, async () => {
    throw new GatewayError({ code: 'not_found', detail: 'POST /v1/responses/compact is not supported.' });
  });
};
