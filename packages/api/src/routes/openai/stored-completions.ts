import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import { createFieldChange } from '@llm-gateway/shared/redis/change-field';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { deliver } from '../../delivery/deliver.ts';
import { onClientGone } from '../../delivery/on-client-gone.ts';
import type { ApiDeps } from '../../deps.ts';
import type { GenerationEndpoint } from '../../generation/generation-endpoint.ts';
import { metadataMember } from '../../generation/job-members.ts';
import { sendResult } from '../../generation/send-result.ts';
import { header } from '../../http/header.ts';
import { parsePrefer } from '../../http/prefer.ts';
import { waitBudgetMs } from '../../http/wait-budget.ts';
import type { JobCommands } from '../../jobs/job-commands.ts';
import { chatCompletion } from './chat-completions.ts';
import { chatEndpoint } from './chat-endpoint.ts';
import { type Completed, chatId, toChatCompletion } from './dialect/chat-completion.ts';

export interface StoredCompletionDeps extends Pick<ApiDeps, 'jobs' | 'redis' | 'keys' | 'markDelivered' | 'settings'> {
  waiter: ApiDeps['admission']['waiter'];
  commands: JobCommands;
}

const tags = ['OpenAI'];
const params = z.object({ id: z.string() });

/** A completion as it is stored: with its labels. */
export const toStored = (id: string, record: Completed & Pick<JobRecord, 'metadata'>): object => ({
  ...toChatCompletion(id, record),
  metadata: record.metadata,
});

const storedEndpoint: GenerationEndpoint = { ...chatEndpoint, toResult: toStored };

/** One stored completion: every chat completion is, for as long as its job is kept. */
export const storedCompletionRoutes: FastifyPluginAsyncZod<StoredCompletionDeps> = async (app, deps) => {
  const changeField = createFieldChange(deps.redis);
  const serializerCompiler = () => JSON.stringify;

  const description =
    'By its own id or that of its job. One that is under way is waited for; a wait that runs out answers 504.';
  app.get(
    '/v1/chat/completions/:id',
    {
      schema: { tags, summary: 'A chat completion', description, params, response: { 200: chatCompletion } },
      serializerCompiler,
    },
    async (request, reply) => {
      const { id, record } = await findEnded(request, reply, deps);
      deps.markDelivered(reply, id);
      return sendResult(request, reply, storedEndpoint, id, record);
    },
  );

  app.post(
    '/v1/chat/completions/:id',
    {
      schema: {
        tags,
        summary: 'Label a chat completion',
        params,
        body: z
          .object({ metadata: metadataMember.nullable() })
          .meta({ id: 'ChatCompletionUpdate', examples: [{ metadata: { topic: 'transformers' } }] }),
        response: { 200: chatCompletion },
      },
      serializerCompiler,
    },
    async ({ params, caller, body }) => {
      const { id, record } = await findChat(caller, params.id, deps.jobs);
      if (!isFinal(record.state)) throw new GatewayError({ code: 'conflict', detail: `${params.id} has not ended.` });
      const metadata = body.metadata ?? {};
      const stored = toStored(id, { ...record, metadata });
      // One that has gone meanwhile does not come back.
      await changeField(deps.keys.job(id), 'metadata', (before) =>
        before === null ? undefined : JSON.stringify(metadata),
      );
      return stored as z.output<typeof chatCompletion>;
    },
  );

  const deleted = z.object({ id: z.string(), object: z.literal('chat.completion.deleted'), deleted: z.boolean() });
  app.delete(
    '/v1/chat/completions/:id',
    { schema: { tags, summary: 'Erase a chat completion', params, response: { 200: deleted } } },
    async ({ params, caller }) => {
      const { id } = await findChat(caller, params.id, deps.jobs);
      await deps.commands.remove(id);
      return { id: chatId(id), object: 'chat.completion.deleted' as const, deleted: true };
    },
  );
};

/** The caller's job, if it is one of a chat. Throws `not_found`. */
export async function findChat(
  caller: FastifyRequest['caller'],
  name: string,
  jobs: StoredCompletionDeps['jobs'],
): Promise<{ id: string; record: JobRecord }> {
  const found = await jobs.get(caller, name);
  if (found.record.endpoint === chatEndpoint.path) return found;
  throw new GatewayError({ code: 'not_found', detail: `There is no chat completion ${name.slice(0, 64)}.` });
}

/** Waits for its end, as the request did that began it. Throws `not_found` and `sync_wait_exceeded`. */
async function findEnded(
  request: FastifyRequest<{ Params: { id: string } }>,
  reply: FastifyReply,
  { jobs, waiter, settings }: StoredCompletionDeps,
): Promise<{ id: string; record: JobRecord }> {
  const { id, record } = await findChat(request.caller, request.params.id, jobs);
  reply.header('x-job-id', id);
  if (isFinal(record.state)) return { id, record };
  const preferences = parsePrefer(header(request, 'prefer'));
  const waitMs = waitBudgetMs(preferences, header(request, 'x-stainless-timeout'), settings.syncWaitMs);
  const wait = await waiter.join(id);
  // A client that has left needs no answer.
  onClientGone(reply, wait.cancel);
  reply.header('location', `/v1/jobs/${id}`);
  const ended = await deliver(request.caller.tenantId, id, wait, { acceptsAsync: false, waitMs }, jobs);
  return { id, record: ended.record };
}
