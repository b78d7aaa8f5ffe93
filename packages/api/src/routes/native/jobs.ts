import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { onClientGone } from '../../delivery/on-client-gone.ts';
import type { ApiDeps } from '../../deps.ts';
import { sendResult } from '../../generation/send-result.ts';
import { etagOf } from '../../http/etag.ts';
import { header } from '../../http/header.ts';
import { isNotModified, sendNotModified } from '../../http/not-modified.ts';
import { parsePrefer } from '../../http/prefer.ts';
import { problem } from '../../http/problem-schema.ts';
import { jobView, pollAfterS, viewJob } from '../../jobs/job-view.ts';
import type { LaneBoard } from '../../lanes/lane-board.ts';
import { lastDelivery } from '../../webhooks/last-delivery.ts';
import { endpointOf } from '../generation-endpoints.ts';

export interface JobRoutesDeps extends Pick<ApiDeps, 'jobs' | 'markDelivered' | 'attendance' | 'webhooks'> {
  board: LaneBoard;
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
      const { id, record } = await findWaiting(request, reply, deps);
      const { etaMs, ...around } = await lookAround(id, record, deps);
      const view = viewJob(id, record, around);
      reply.headers({ 'x-job-id': id, 'cache-control': 'no-cache' });
      if (!isFinal(record.state)) reply.header('retry-after', String(pollAfterS(record, Date.now(), etaMs)));
      return isNotModified(request, reply, etagOf(view)) ? sendNotModified(reply) : view;
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
        response: {
          200: z.looseObject({}).describe('As the endpoint of the job answers'),
          202: jobView,
          '4xx': problem,
          '5xx': problem,
        },
      },
    },
    async (request, reply) => {
      const { id, record } = await findWaiting(request, reply, deps);
      reply.header('x-job-id', id);
      if (!isFinal(record.state)) {
        const retryAfter = String(pollAfterS(record, Date.now()));
        return reply
          .code(202)
          .headers({ location: `/v1/jobs/${id}`, 'retry-after': retryAfter })
          .send(viewJob(id, record));
      }
      deps.markDelivered(reply, id);
      return sendResult(request, reply, endpointOf(record), id, record);
    },
  );
};

/** The caller's job; where the client is ready to wait, at its end or when its patience is. Throws `not_found`. */
async function findWaiting(
  request: FastifyRequest<{ Params: { id: string } }>,
  reply: FastifyReply,
  { jobs, waiter, attendance }: JobRoutesDeps,
): Promise<{ id: string; record: JobRecord }> {
  const { tenantId } = request.caller;
  const { id, record } = await jobs.get(request.caller, request.params.id);
  const { waitS = 0 } = parsePrefer(header(request, 'prefer'));
  if (isFinal(record.state)) return { id, record };
  if (waitS === 0) {
    // Whoever asks is a reader: a job that needs one has it until the next look.
    if (record.graceMs !== undefined) await attendance.poll(id);
    return { id, record };
  }
  const wait = await waiter.join(id);
  // A client that has left needs no answer.
  onClientGone(reply, wait.cancel);
  await wait.end(Math.min(waitS, waitMaxS) * 1000);
  return { id, record: (await jobs.find(tenantId, id)) ?? record };
}

/** What of a job stands elsewhere than in its record. One that follows another has that one's place in the queue. */
async function lookAround(
  id: string,
  { state, lane, leader, webhook }: JobRecord,
  { board, webhooks }: Pick<JobRoutesDeps, 'board' | 'webhooks'>,
) {
  const queuePosition = state === 'queued' ? await board.position(lane, leader ?? id) : null;
  return {
    queuePosition,
    etaMs: queuePosition === null ? null : await board.etaMs(lane, queuePosition),
    lastDelivery: webhook ? await lastDelivery(id, webhooks) : null,
  };
}
