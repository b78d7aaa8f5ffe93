import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { jobIdPattern } from '@llm-gateway/shared/contracts/ids';
import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiDeps } from '../../deps.ts';
import { sendAccepted } from '../../http/accepted.ts';
import { header } from '../../http/header.ts';
import { isNotModified, sendNotModified } from '../../http/not-modified.ts';
import { parsePrefer } from '../../http/prefer.ts';
import { problem } from '../../http/problem-schema.ts';
import { jobEtag, jobView, pollAfterS, viewJob } from '../../jobs/job-view.ts';
import { generateAnswer } from './generate-answer.ts';
import { sendResult } from './generate-reply.ts';

export interface JobRoutesDeps extends Pick<ApiDeps, 'jobs' | 'markDelivered'> {
  waiter: ApiDeps['admission']['waiter'];
}

const params = z.object({ id: z.string() });
const waitMaxS = 290;

export const jobRoutes: FastifyPluginAsyncZod<JobRoutesDeps> = async (app, deps) => {
  app.get(
    '/v1/jobs/:id',
    {
      schema: {
        tags: ['Jobs'],
        summary: 'State of a job',
        description: 'With `Prefer: wait=N` it answers when the job has ended, or after N seconds.',
        params,
        response: { 200: jobView, 304: z.null(), '4xx': problem, '5xx': problem },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const record = await findWaiting(request, reply, id, deps);
      reply.headers({ 'x-job-id': id, 'cache-control': 'no-cache' });
      if (!isFinal(record.state)) reply.header('retry-after', String(pollAfterS(record, Date.now())));
      return isNotModified(request, reply, jobEtag(record)) ? sendNotModified(reply) : viewJob(id, record);
    },
  );

  app.get(
    '/v1/jobs/:id/result',
    {
      schema: {
        tags: ['Jobs'],
        summary: 'Result of a job',
        description: 'What the waiting request would have been answered; 202 with the job while it runs.',
        params,
        response: { 200: generateAnswer, 202: jobView, '4xx': problem, '5xx': problem },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const record = await findWaiting(request, reply, id, deps);
      reply.header('x-job-id', id);
      if (!isFinal(record.state)) return sendAccepted(reply, id, record);
      const model = resolveModel(record.target);
      if (!model) throw new Error(`job ${id} has a model that nobody knows: ${record.target}`);
      deps.markDelivered(reply, id);
      const wanted = { model: record.model, clientRequestId: record.clientRequest, userId: record.user };
      const latencyMs = (record.finishedMs ?? record.createdMs) - record.createdMs;
      return sendResult(request, reply, { wanted, model, latencyMs }, id, record);
    },
  );
};

/** The caller's job; where the client is ready to wait, at its end or when its patience is. Throws `not_found`. */
async function findWaiting(
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  { jobs, waiter }: JobRoutesDeps,
): Promise<JobRecord> {
  const { tenantId } = request.caller;
  const find = async () => (jobIdPattern.test(id) ? jobs.find(tenantId, id) : undefined);
  const record = await find();
  if (!record) throw new GatewayError({ code: 'not_found', detail: `There is no job ${id.slice(0, 64)}.` });
  const { waitS = 0 } = parsePrefer(header(request, 'prefer'));
  if (isFinal(record.state) || waitS === 0) return record;
  const wait = await waiter.join(id);
  // A client that has left needs no answer.
  reply.raw.once('close', wait.cancel);
  await wait.end(Math.min(waitS, waitMaxS) * 1000);
  return (await find()) ?? record;
}
