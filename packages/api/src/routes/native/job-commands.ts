import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiDeps } from '../../deps.ts';
import { acceptEmptyBody } from '../../http/accept-empty-body.ts';
import { problem } from '../../http/problem-schema.ts';
import type { JobCommands } from '../../jobs/job-commands.ts';
import { jobView, viewJob } from '../../jobs/job-view.ts';

export interface JobCommandDeps extends Pick<ApiDeps, 'jobs'> {
  commands: JobCommands;
}

const params = z.object({ id: z.string() });

export const jobCommandRoutes: FastifyPluginAsyncZod<JobCommandDeps> = async (app, { jobs, commands }) => {
  acceptEmptyBody(app);

  app.post(
    '/v1/jobs/:id/cancel',
    {
      schema: {
        tags: ['Jobs'],
        summary: 'Cancel a job',
        description:
          'One that does not run yet is cancelled at once (200); the call of one that runs is given up, and what it ' +
          'used until then is charged (202, `cancelling`). One that has ended stays as it is (200).',
        params,
        response: { 200: jobView, 202: jobView, '4xx': problem, '5xx': problem },
      },
    },
    async ({ params: { id: name }, caller }, reply) => {
      const { id, record } = await jobs.get(caller, name);
      if (!isFinal(record.state)) await commands.cancel(id, record.lane);
      const { record: cancelled } = await jobs.get(caller, id);
      return reply
        .code(isFinal(cancelled.state) ? 200 : 202)
        .header('x-job-id', id)
        .send(viewJob(id, cancelled));
    },
  );

  app.post(
    '/v1/jobs/:id/release',
    {
      schema: {
        tags: ['Jobs'],
        summary: 'Queue a job that is held',
        params,
        response: { 200: jobView, '4xx': problem, '5xx': problem },
      },
    },
    async ({ params: { id: name }, caller }, reply) => {
      const { id } = await jobs.get(caller, name);
      reply.header('x-job-id', id);
      await commands.release(id);
      const { record: released } = await jobs.get(caller, id);
      return viewJob(id, released);
    },
  );

  app.delete(
    '/v1/jobs/:id',
    {
      schema: {
        tags: ['Jobs'],
        summary: 'Erase a job that has ended',
        description: 'With what was asked and answered. Its usage stays counted.',
        params,
        response: { 204: z.null(), '4xx': problem, '5xx': problem },
      },
    },
    async ({ params: { id: name }, caller }, reply) => {
      const { id } = await jobs.get(caller, name);
      reply.header('x-job-id', id);
      await commands.remove(id);
      return reply.code(204).send(null);
    },
  );
};
