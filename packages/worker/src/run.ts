import type { StopReason } from '@llm-gateway/shared/lifecycle/stop-reasons';
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
  /** Makes it fire: the job shall stop, or is no longer this run's. */
  stop: (reason: StopReason | 'lock-lost') => void;
  log: Logger;
}
