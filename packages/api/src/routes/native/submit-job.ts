import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { GenerationRequest } from '../../admission/generation-request.ts';
import { deliver } from '../../delivery/deliver.ts';
import { onClientGone } from '../../delivery/on-client-gone.ts';
import type { ApiDeps } from '../../deps.ts';
import { admitLogged } from '../../generation/admit-logged.ts';
import { askerOf } from '../../generation/asker-of.ts';
import { namingFields } from '../../generation/naming-fields.ts';
import { readAsked } from '../../generation/read-asked.ts';
import { toGenerationRequest } from '../../generation/to-generation-request.ts';
import { sendAccepted, sendJob } from '../../http/accepted.ts';
import { header } from '../../http/header.ts';
import { renameFields } from '../../http/invalid-field.ts';
import { type Preferences, parsePrefer } from '../../http/prefer.ts';
import { problem } from '../../http/problem-schema.ts';
import { waitBudgetMs } from '../../http/wait-budget.ts';
import { ignoreNulls } from '../../http/without-nulls.ts';
import { submittedJob } from '../../jobs/job-view.ts';
import { endpointOf } from '../generation-endpoints.ts';
import { type JobBody, jobBody, toEnvelope } from './job-body.ts';

export type SubmitJobDeps = Pick<ApiDeps, 'admission' | 'jobs' | 'metrics' | 'settings'>;

const path = '/v1/jobs';

const schema = {
  tags: ['Jobs'],
  summary: 'Queue a request as a job',
  description:
    'The body of the request is checked as its own endpoint would. With `Prefer: wait=N` the answer comes when the job ' +
    'has ended (200), or after N seconds (202). With `Prefer: return=minimal` it tells no more than where the job is found.',
  body: jobBody,
  response: { 200: submittedJob, 201: submittedJob, 202: submittedJob, '4xx': problem, '5xx': problem },
};

export const submitJobRoute: FastifyPluginAsyncZod<SubmitJobDeps> = async (app, deps) => {
  // One level more than the endpoint's own: its body lies within.
  app.post(path, { schema, preValidation: ignoreNulls(4) }, async (request, reply) => {
    const preferences = parsePrefer(header(request, 'prefer'));
    const admission = await namingTheBody(request.body, async () => {
      const endpoint = endpointOf(request.body);
      return namingFields(endpoint, request.body.body, async () =>
        admitLogged(request, reply, await toRequest(request, request.body, preferences, deps), deps),
      );
    });
    if (admission.kind === 'cached') throw new Error('a job was asked for, and an answer is none');

    const { id, kind, wait } = admission;
    reply.header('location', `${path}/${id}`);
    onClientGone(reply, () => wait?.cancel());
    const waitMs = waitBudgetMs(preferences, undefined, deps.settings.syncWaitMs);
    const { record } = await deliver(request.caller.tenantId, id, wait, { acceptsAsync: true, waitMs }, deps.jobs);
    if (!isFinal(record.state)) return sendAccepted(reply, id, record, preferences);
    return sendJob(reply.code(kind === 'answered' ? 201 : 200), id, record, preferences);
  });
};

async function toRequest(
  request: FastifyRequest,
  envelope: JobBody,
  preferences: Preferences,
  { jobs }: Pick<SubmitJobDeps, 'jobs'>,
): Promise<GenerationRequest> {
  const endpoint = endpointOf(envelope);
  const asked = await readAsked(endpoint, envelope.body, request.caller, jobs);
  return toGenerationRequest(askerOf(request), endpoint, asked, preferences, toEnvelope(path, envelope));
}

/** What admission refuses is named as it stands in what was sent; of the envelope it only reads the webhook. */
async function namingTheBody<T>({ webhook }: JobBody, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw renameFields(error, (pointer) =>
      !pointer.startsWith('/') || (webhook && pointer === '/webhook') ? pointer : `/body${pointer}`,
    );
  }
}
