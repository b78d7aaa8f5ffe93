import { timeOfId, toJobId } from '@llm-gateway/shared/contracts/ids';
import { resolveModel } from '@llm-gateway/shared/pricing/resolve-model';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { invalidField } from '../../http/invalid-field.ts';
import { problem } from '../../http/problem-schema.ts';
import type { JobList } from '../../jobs/job-list.ts';
import { jobStatuses, jobView, viewJob } from '../../jobs/job-view.ts';
import type { IndexPlace } from '../../jobs/walk-index.ts';

const time = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2026-11-23T09:46:00Z' })
  .transform((text) => Date.parse(text));

const query = z.object({
  status: z.enum(jobStatuses).optional(),
  endpoint: z.string().optional(),
  model: z.string().optional(),
  user_id: z.string().optional(),
  created_after: time.optional().describe('Only later ones'),
  created_before: time.optional().describe('Only earlier ones'),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  order: z.enum(['asc', 'desc']).default('desc').describe('By the time of their acceptance'),
  after: z.string().optional().describe('Id of the last job of the page before'),
  before: z.string().optional().describe('Id of the first job of the page after'),
  after_id: z.string().optional().describe("The same as after, as Anthropic's clients say it"),
  before_id: z.string().optional().describe('The same as before'),
});

type Query = z.output<typeof query>;

const jobPage = z
  .object({
    object: z.literal('list'),
    data: z.array(jobView),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })
  .meta({ id: 'JobList' });

export const listJobsRoute: FastifyPluginAsyncZod<{ list: JobList }> = async (app, { list }) => {
  const schema = {
    tags: ['Jobs'],
    summary: 'Jobs of the caller',
    description: 'The newest first, unless asked otherwise. What stands elsewhere than in a job itself is left null.',
    querystring: query,
    response: { 200: jobPage, '4xx': problem, '5xx': problem },
  };

  app.get('/v1/jobs', { schema }, async ({ query, caller: { tenantId, boundUserId } }) => {
    const { status, endpoint, model, user_id, created_after, created_before, limit, order } = query;
    const cursors = findCursors(query);
    const { jobs, hasMore } = await list.page(
      tenantId,
      {
        status,
        endpoint,
        model: model && (resolveModel(model)?.id ?? model),
        userId: boundUserId ?? user_id,
        createdAfterMs: created_after,
        createdBeforeMs: created_before,
      },
      { limit, order, ...cursors },
    );
    const data = jobs.map(({ id, record }) => viewJob(id, record));
    return {
      object: 'list' as const,
      data,
      first_id: data[0]?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
      has_more: hasMore,
    };
  });
};

/** Where to go on. Any id says so by itself, be its job erased or never there. Throws `invalid_request` for what is no id. */
function findCursors(query: Query): { after: IndexPlace | undefined; before: IndexPlace | undefined } {
  const find = (...names: ('after' | 'after_id' | 'before' | 'before_id')[]): IndexPlace | undefined => {
    const name = names.find((one) => query[one] !== undefined);
    if (name === undefined) return undefined;
    const text = query[name] ?? '';
    const id = toJobId(text);
    if (!id) throw invalidField(name, `"${text.slice(0, 100)}" is not the id of a job`);
    return { id, createdMs: timeOfId(id) };
  };
  const [after, before] = [find('after', 'after_id'), find('before', 'before_id')];
  if (after && before) throw invalidField('before', 'must not be sent together with after');
  return { after, before };
}
