import { timeOfId, toJobId } from '@llm-gateway/shared/contracts/ids';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { invalidField } from '../../http/invalid-field.ts';
import type { JobList } from '../../jobs/job-list.ts';
import type { JobReader } from '../../jobs/job-reader.ts';
import type { IndexPlace } from '../../jobs/walk-index.ts';
import { chatCompletion } from './chat-completions.ts';
import { chatEndpoint } from './chat-endpoint.ts';
import { chatId } from './dialect/chat-completion.ts';
import { listFrom, listOf, listSchema } from './list.ts';
import { findChat, toStored } from './stored-completions.ts';

const paging = {
  limit: z.coerce.number().int().min(1).max(100).default(20),
  order: z.enum(['asc', 'desc']).default('asc'),
  after: z.string().optional().describe('Id of the last one of the page before'),
};

const storedMessage = z.looseObject({
  id: z.string(),
  role: z.string(),
  content: z.string().nullable(),
  content_parts: z.array(z.looseObject({ type: z.string() })).nullable(),
});

const tags = ['OpenAI'];

/** The completions that their client wanted to be stored, and what was asked. */
export const listCompletionRoutes: FastifyPluginAsyncZod<{ list: JobList; jobs: JobReader }> = async (
  app,
  { list, jobs },
) => {
  const serializerCompiler = () => JSON.stringify;

  const summary = 'Stored chat completions';
  const description = 'Those that were asked for with `store: true`; `metadata[name]=value` filters by labels.';
  const querystring = z.looseObject({ ...paging, model: z.string().optional() });
  app.get(
    '/v1/chat/completions',
    {
      schema: { tags, summary, description, querystring, response: { 200: listSchema(chatCompletion) } },
      serializerCompiler,
    },
    async ({ query, caller }) => {
      const { limit, order, after, model } = query;
      const filter = {
        endpoint: chatEndpoint.path,
        isStored: true,
        model: model && (resolveModel(model)?.id ?? model),
        userId: caller.boundUserId,
        metadata: labelsOf(query),
      };
      const { jobs: found, hasMore } = await list.page(caller.tenantId, filter, {
        limit,
        order,
        after: placeOf(after),
      });
      const data = found.map(({ id, record }) => toStored(id, record) as z.output<typeof chatCompletion>);
      return listOf(data, hasMore);
    },
  );

  const schema = {
    tags,
    summary: 'What was asked of a chat completion',
    params: z.object({ id: z.string() }),
    querystring: z.object(paging),
    response: { 200: listSchema(storedMessage) },
  };
  app.get('/v1/chat/completions/:id/messages', { schema, serializerCompiler }, async ({ params, query, caller }) => {
    const { id, record } = await findChat(caller, params.id, jobs);
    return listFrom(storedMessagesOf(chatId(id), record.generation.native?.body.messages), query);
  });
};

type Asked = { role: string; content?: string | { type: string }[] | null };

const storedMessagesOf = (completionId: string, messages: unknown) =>
  ((messages ?? []) as Asked[]).map(({ content = null, ...message }, index) => ({
    ...message,
    id: `${completionId}-${index}`,
    content: typeof content === 'string' ? content : null,
    content_parts: Array.isArray(content) ? content : null,
  }));

/** As the SDK writes them: `metadata[name]=value`. */
function labelsOf(query: Record<string, unknown>): Record<string, string> {
  const labels = Object.entries(query).flatMap(([name, value]) => {
    const [, label] = /^metadata\[(.{1,64})\]$/.exec(name) ?? [];
    return label === undefined ? [] : [[label, String(value)] as const];
  });
  return Object.fromEntries(labels);
}

/** Where to go on. An id says so by itself, be its job erased or never there. */
function placeOf(after: string | undefined): IndexPlace | undefined {
  if (after === undefined) return undefined;
  const id = toJobId(after);
  if (!id) throw invalidField('after', `"${after.slice(0, 100)}" is not the id of a chat completion`);
  return { id, createdMs: timeOfId(id) };
}
