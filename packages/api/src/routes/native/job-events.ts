import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { announceStream, deliverStream } from '../../delivery/deliver-stream.ts';
import { type Frame, nativeTranslator } from '../../delivery/event-frames.ts';
import { nativeManner } from '../../delivery/stream-connections.ts';
import type { ApiDeps } from '../../deps.ts';
import { header } from '../../http/header.ts';
import { invalidField, invalidHeader } from '../../http/invalid-field.ts';
import { problem } from '../../http/problem-schema.ts';
import { lastSequence } from '../../jobs/sequence.ts';
import { anyResult } from '../generation-endpoints.ts';

export interface JobEventsDeps extends Pick<ApiDeps, 'jobs' | 'streams' | 'markDelivered'> {
  waiter: ApiDeps['admission']['waiter'];
}

const query = z.object({
  starting_after: z.string().optional().describe('Number of the last event that the client has'),
  include: z.string().optional().describe('Comma-separated: text, tool_calls, usage; all of them if absent'),
});

const includable: Record<string, Frame['kind'] | undefined> = { text: 'text', tool_calls: 'tool-call', usage: 'usage' };

/** The kinds of events that a client names; undefined for all. */
function kindsOf(include: string | undefined): ReadonlySet<Frame['kind']> | undefined {
  if (include === undefined) return undefined;
  const kinds = include.split(',').map((name) => includable[name.trim()]);
  if (kinds.includes(undefined)) throw invalidField('include', 'must list text, tool_calls or usage');
  return new Set(kinds as Frame['kind'][]);
}

/** An EventSource that comes back sends the number in a header and the URL as it was: the header wins. */
function afterOf(request: FastifyRequest, startingAfter: string | undefined): number {
  const last = header(request, 'last-event-id');
  const after = last || startingAfter;
  if (after === undefined) return -1;
  if (!/^\d{1,15}$/.test(after))
    throw invalidHeader(last ? 'last-event-id' : 'starting_after', 'must be a whole number');
  return Number(after);
}

const acceptsEvents = (accept: string | undefined) =>
  accept === undefined || /text\/(event-stream|\*)|\*\/\*/i.test(accept);

export const jobEventsRoute: FastifyPluginAsyncZod<JobEventsDeps> = async (app, deps) => {
  const { jobs, streams, waiter, markDelivered } = deps;
  const schema = {
    tags: ['Jobs'],
    summary: 'Events of a job, as they happen',
    description:
      'Server-sent events: job.queued, job.started, output.delta, job.retrying, usage, and the end of the job last. ' +
      'A client that comes back with Last-Event-ID gets exactly the rest, of any api process. 204 when there is no more.',
    params: z.object({ id: z.string() }),
    querystring: query,
    response: { 200: z.string().describe('text/event-stream'), 204: z.null(), '4xx': problem, '5xx': problem },
  };
  app.get('/v1/jobs/:id/events', { schema }, async (request, reply) => {
    if (!acceptsEvents(header(request, 'accept'))) {
      throw new GatewayError({
        code: 'not_acceptable',
        field: 'accept',
        detail: 'accept: must allow text/event-stream',
      });
    }
    const after = afterOf(request, request.query.starting_after);
    const kinds = kindsOf(request.query.include);
    const { tenantId } = request.caller;
    const { id, record } = await jobs.get(request.caller, request.params.id);
    reply.header('x-job-id', id);
    if (isFinal(record.state) && after >= lastSequence(record)) return reply.code(204).send(null);
    if (request.method === 'HEAD') {
      announceStream(reply);
      return reply;
    }
    const wait = await waiter.join(id);
    await deliverStream(
      reply,
      {
        tenantId,
        id,
        record,
        after,
        wait,
        translator: nativeTranslator(id, anyResult),
        manner: nativeManner,
        kinds,
        isHeld: false,
        onDelivered: () => markDelivered(reply, id),
      },
      streams,
    );
    return reply;
  });
};
