import { isFinal } from '@llm-gateway/shared/contracts/job';
import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { FastifyReply } from 'fastify';
import { pollAfterS, viewJob, viewMinimalJob } from '../jobs/job-view.ts';
import type { Preferences } from './prefer.ts';

/** 202 with the job, for a client that asked not to wait. */
export function sendAccepted(reply: FastifyReply, id: string, record: JobRecord, preferences: Preferences) {
  if (!isFinal(record.state)) reply.header('retry-after', String(pollAfterS(record, Date.now())));
  return sendJob(reply.code(202), id, record, preferences);
}

/** The answer to a request that is a job, as much of it as the client prefers. */
export function sendJob(reply: FastifyReply, id: string, record: JobRecord, { isMinimal }: Preferences) {
  const applied = [...(reply.statusCode === 202 ? ['respond-async'] : []), ...(isMinimal ? ['return=minimal'] : [])];
  if (applied.length > 0) reply.header('preference-applied', applied.join(', '));
  return reply
    .headers({ location: `/v1/jobs/${id}`, 'x-gateway-attempts': String(record.attempt) })
    .send(isMinimal ? viewMinimalJob(id, record) : viewJob(id, record));
}
