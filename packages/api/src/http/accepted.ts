import type { JobRecord } from '@llm-gateway/shared/jobs/job-record';
import type { FastifyReply } from 'fastify';
import { pollAfterS, viewJob } from '../jobs/job-view.ts';

/** 202 with the job, for a client that asked not to wait. */
export function sendAccepted(reply: FastifyReply, id: string, record: JobRecord) {
  return reply
    .code(202)
    .headers({
      location: `/v1/jobs/${id}`,
      'preference-applied': 'respond-async',
      'retry-after': String(pollAfterS(record, Date.now())),
    })
    .send(viewJob(id, record));
}
