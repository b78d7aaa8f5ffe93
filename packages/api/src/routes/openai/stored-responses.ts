import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Caller } from '../../auth/caller.ts';
import { announceStream, deliverStream } from '../../delivery/deliver-stream.ts';
import { onClientGone } from '../../delivery/on-client-gone.ts';
import type { ApiDeps } from '../../deps.ts';
import { acceptEmptyBody } from '../../http/accept-empty-body.ts';
import { invalidField } from '../../http/invalid-field.ts';
import type { JobCommands } from '../../jobs/job-commands.ts';
import type { JobReader } from '../../jobs/job-reader.ts';
import { listSchema } from './list.ts';
import { openaiErrors } from './openai-errors.ts';
import { responsesManner } from './responses/error-event.ts';
import { listInputItems } from './responses/input-item-list.ts';
import { responseIdOf } from './responses/item-ids.ts';
import { ResponseTranslator } from './responses/response-translator.ts';
import { responsesPath } from './responses/responses-path.ts';
import { responseSchema } from './responses/responses-schema.ts';
import { viewResponse } from './responses/view-response.ts';

export type StoredResponseDeps = Pick<ApiDeps, 'admission' | 'jobs' | 'streams' | 'markDelivered' | 'attendance'> & {
  commands: JobCommands;
};

// A worker gives up its call within milliseconds of being told.
const cancelPatienceMs = 3000;

const path = `${responsesPath}/:id`;
// A response has members that no schema knows.
const serializerCompiler = () => JSON.stringify;

const tags = ['OpenAI'];
const params = z.object({ id: z.string() });
const whole = { 200: responseSchema, ...openaiErrors };
const flag = z.enum(['true', 'false']).optional();

/** What can be done to a response that was made, or is. */
export const storedResponseRoutes: FastifyPluginAsyncZod<StoredResponseDeps> = async (app, deps) => {
  acceptEmptyBody(app);

  app.get(
    path,
    {
      serializerCompiler,
      schema: {
        tags,
        summary: 'A response, or its events',
        description:
          'With `stream=true` its events from the first on, or after number `starting_after`; any number of times.',
        params,
        querystring: z.object({
          stream: flag,
          starting_after: z.coerce
            .number()
            .int()
            .min(0)
            .optional()
            .describe('Number of the last event that the client has'),
        }),
        response: whole,
      },
    },
    async (request, reply) => {
      const { id, record } = await findResponse(deps.jobs, request.caller, request.params.id);
      const { stream, starting_after } = request.query;
      reply.header('x-job-id', id);
      if (stream === 'true' && request.method === 'HEAD') {
        announceStream(reply);
        return reply;
      }
      if (stream === 'true') return streamResponse(request, reply, { id, record, after: starting_after ?? -1 }, deps);
      if (starting_after !== undefined) throw invalidField('starting_after', 'needs stream=true');
      if (isFinal(record.state)) deps.markDelivered(reply, id);
      // Whoever asks is a reader: a job that needs one has it until the next look.
      else if (record.graceMs !== undefined) await deps.attendance.poll(id);
      return reply.send(viewResponse(id, record) as z.output<typeof responseSchema>);
    },
  );

  app.post(
    `${path}/cancel`,
    { serializerCompiler, schema: { tags, summary: 'Cancel a background response', params, response: whole } },
    async (request, reply) => {
      const { id, record } = await findResponse(deps.jobs, request.caller, request.params.id);
      reply.header('x-job-id', id);
      if (record.generation.native?.asked?.background !== true) {
        throw new GatewayError({ code: 'malformed_request', detail: 'Cannot cancel a synchronous response.' });
      }
      const cancelled = isFinal(record.state) ? record : await cancel(request, reply, { id, record }, deps);
      return reply.send(viewResponse(id, cancelled) as z.output<typeof responseSchema>);
    },
  );
};

/** What was asked of a response, and its erasure. */
export const keptResponseRoutes: FastifyPluginAsyncZod<StoredResponseDeps> = async (app, deps) => {
  app.delete(
    path,
    {
      schema: {
        tags,
        summary: 'Erase a response that has ended',
        params,
        response: {
          200: z.object({ id: z.string(), object: z.literal('response'), deleted: z.literal(true) }),
          ...openaiErrors,
        },
      },
    },
    async ({ params: { id: name }, caller }) => {
      const { id } = await findResponse(deps.jobs, caller, name);
      await deps.commands.remove(id);
      return { id: responseIdOf(id), object: 'response' as const, deleted: true as const };
    },
  );

  app.get(
    `${path}/input_items`,
    {
      serializerCompiler,
      schema: {
        tags,
        summary: 'What was asked of a response',
        params,
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(100).default(20),
          order: z.enum(['asc', 'desc']).default('desc'),
          after: z.string().optional(),
        }),
        response: { 200: listSchema(z.looseObject({ id: z.string() })), ...openaiErrors },
      },
    },
    async (request, reply) => {
      const { id, record } = await findResponse(deps.jobs, request.caller, request.params.id);
      return reply.send(listInputItems(id, record, request.query));
    },
  );
};

/** The caller's response; jobs of other endpoints are none. Throws `not_found` and `result_expired`. */
async function findResponse(jobs: JobReader, caller: Caller, name: string): Promise<{ id: string; record: JobRecord }> {
  const found = await jobs.get(caller, name);
  if (found.record.endpoint === responsesPath) return found;
  throw new GatewayError({ code: 'not_found', detail: `There is no response ${name.slice(0, 64)}.` });
}

interface Found {
  id: string;
  record: JobRecord;
}

async function streamResponse(
  request: FastifyRequest,
  reply: FastifyReply,
  { id, record, after }: Found & { after: number },
  { admission, streams, markDelivered }: StoredResponseDeps,
): Promise<FastifyReply> {
  const { tenantId } = request.caller;
  const wait = await admission.waiter.join(id);
  const translator = new ResponseTranslator(id, record, after);
  const onDelivered = () => markDelivered(reply, id);
  const manner = responsesManner;
  // Read from its start, whatever the client has: only so the numbers of its events are the same.
  await deliverStream(
    reply,
    { tenantId, id, record, after: -1, wait, translator, manner, isHeld: false, onDelivered },
    streams,
  );
  return reply;
}

/** The job as it is a moment after it was told to stop. */
async function cancel(
  { caller }: FastifyRequest,
  reply: FastifyReply,
  { id, record }: Found,
  { admission, jobs, commands }: StoredResponseDeps,
): Promise<JobRecord> {
  const wait = await admission.waiter.join(id);
  onClientGone(reply, wait.cancel);
  await commands.cancel(id, record.lane);
  await wait.end(cancelPatienceMs);
  return (await jobs.get(caller, id)).record;
}
