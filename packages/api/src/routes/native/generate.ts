import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { AdmittedJob } from '../../admission/admit.ts';
import { deliver } from '../../delivery/deliver.ts';
import { deliverStream } from '../../delivery/deliver-stream.ts';
import { onClientGone } from '../../delivery/on-client-gone.ts';
import type { ApiDeps } from '../../deps.ts';
import { sendAccepted } from '../../http/accepted.ts';
import { header } from '../../http/header.ts';
import { parsePrefer } from '../../http/prefer.ts';
import { problem } from '../../http/problem-schema.ts';
import { waitBudgetMs } from '../../http/wait-budget.ts';
import { ignoreNulls } from '../../http/without-nulls.ts';
import { submittedJob } from '../../jobs/job-view.ts';
import { admitLogged } from './admit-logged.ts';
import { generateAnswer } from './generate-answer.ts';
import { generateBody } from './generate-body.ts';
import { type Origin, originOf, sendHit, sendResult } from './generate-reply.ts';
import { toGenerationRequest } from './generate-request.ts';
import { toJobResult } from './job-result.ts';

export type GenerateDeps = Pick<ApiDeps, 'admission' | 'jobs' | 'streams' | 'markDelivered' | 'metrics' | 'settings'>;

export const generatePath = '/v1/generate';

const schema = {
  tags: ['Generate'],
  summary: 'Generate text',
  description:
    'Waits for the answer. With `Prefer: respond-async` it answers 202 with a job at once. ' +
    'A wait that runs out answers 504 with the id of the job, which goes on.',
  body: generateBody,
  response: { 200: generateAnswer, 202: submittedJob, '4xx': problem, '5xx': problem },
};

export const generateRoute: FastifyPluginAsyncZod<GenerateDeps> = async (app, deps) => {
  app.post(generatePath, { schema, preValidation: ignoreNulls() }, async (request, reply) => {
    const preferences = parsePrefer(header(request, 'prefer'));
    const wanted = toGenerationRequest(request, request.body, generatePath, preferences);
    const admission = await admitLogged(request, reply, wanted, deps);
    const origin: Origin = { wanted, model: admission.model };
    if (admission.kind === 'cached') return sendHit(request, reply, origin, admission.hit);
    // A client that has left needs no answer; its job goes on.
    onClientGone(reply, () => admission.wait?.cancel());
    if (wanted.isStreamed) return streamGeneration(request, reply, admission, deps);
    const wish = {
      acceptsAsync: preferences.respondAsync,
      waitMs: waitBudgetMs(preferences, header(request, 'x-stainless-timeout'), deps.settings.syncWaitMs),
    };
    const delivery = await deliver(wanted.tenantId, admission.id, admission.wait, wish, deps.jobs).catch(
      (error: unknown) => {
        if (error instanceof GatewayError) reply.header('location', `/v1/jobs/${admission.id}`);
        throw error;
      },
    );
    const { kind, record } = delivery;
    if (kind === 'accepted' && admission.kind !== 'answered') {
      return sendAccepted(reply, admission.id, record, preferences);
    }
    deps.markDelivered(reply, admission.id);
    const isEarlier = admission.kind === 'attached' || admission.kind === 'replayed';
    const asked = isEarlier ? originOf(record, admission.model) : origin;
    return sendResult(request, reply, asked, admission.id, record);
  });
};

/** The job's events from the first on; a failure before the first text is an HTTP error. */
async function streamGeneration(
  request: FastifyRequest,
  reply: FastifyReply,
  { id, wait }: AdmittedJob,
  { jobs, streams, markDelivered }: GenerateDeps,
): Promise<FastifyReply> {
  const { tenantId } = request.caller;
  reply.header('location', `/v1/jobs/${id}`);
  const { record } = await jobs.get(request.caller, id);
  if (!wait) throw new Error(`nobody waits for the stream of ${id}`);
  const onDelivered = () => markDelivered(reply, id);
  const wish = { tenantId, id, record, after: -1, wait, toResult: toJobResult, isHeld: true, onDelivered };
  await deliverStream(reply, wish, streams);
  return reply;
}
