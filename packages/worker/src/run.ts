import type { Logger } from '@llm-gateway/shared/observability/logger';

/** One run of one attempt of a job, as the queue hands it over. */
export interface Run {
  id: string;
  /** 1 for the first. */
  attempt: number;
  /** Names this run among all runs of the job. */
  run: string;
  /** Fires when the run has to let go; its reason is an InterruptionReason. */
  signal: AbortSignal;
  log: Logger;
}
