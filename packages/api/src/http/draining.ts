import { GatewayError } from '@llm-gateway/shared/contracts/failure';

/** The refusal of a process that is about to stop; of a request that has a job, it says that this one goes on. */
export const draining = (jobId?: string): GatewayError =>
  new GatewayError({
    code: 'draining',
    detail: `This server is shutting down${jobId === undefined ? '' : `; job ${jobId} goes on`}.`,
    retryAfterMs: 1000,
  });
