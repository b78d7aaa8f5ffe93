import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { admitLogged } from '../../generation/admit-logged.ts';
import { askerOf } from '../../generation/asker-of.ts';
import { deliverGeneration, type GenerationDeps } from '../../generation/deliver-generation.ts';
import { toGenerationRequest } from '../../generation/to-generation-request.ts';
import { header } from '../../http/header.ts';
import { parsePrefer } from '../../http/prefer.ts';
import { problem } from '../../http/problem-schema.ts';
import { ignoreNulls } from '../../http/without-nulls.ts';
import { submittedJob } from '../../jobs/job-view.ts';
import { generateAnswer } from './generate-answer.ts';
import { generateBody } from './generate-body.ts';
import { generateEndpoint } from './generate-endpoint.ts';
import { sendHit } from './send-hit.ts';

const schema = {
  tags: ['Generate'],
  summary: 'Generate text',
  description:
    'Waits for the answer. With `Prefer: respond-async` it answers 202 with a job at once. ' +
    'A wait that runs out answers 504 with the id of the job, which goes on.',
  body: generateBody,
  response: { 200: generateAnswer, 202: submittedJob, '4xx': problem, '5xx': problem },
};

export const generateRoute: FastifyPluginAsyncZod<GenerationDeps> = async (app, deps) => {
  app.post(generateEndpoint.path, { schema, preValidation: ignoreNulls() }, async (request, reply) => {
    const preferences = parsePrefer(header(request, 'prefer'));
    const asked = generateEndpoint.read(request.body);
    const wanted = toGenerationRequest(askerOf(request), generateEndpoint, asked, preferences);
    const admission = await admitLogged(request, reply, wanted, deps);
    if (admission.kind === 'cached') return sendHit(request, reply, wanted, admission);
    return deliverGeneration(request, reply, generateEndpoint, wanted, admission, preferences, deps);
  });
};
