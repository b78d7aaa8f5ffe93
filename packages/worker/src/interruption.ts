import type { StopReason } from '@llm-gateway/shared/lifecycle/stop-reasons';

/** Reasons for which a worker gives up a call that was going well; the reason of the signal that aborts it. */
export type InterruptionReason = 'lock-lost' | 'draining' | StopReason;

/** A call was given up. Not by itself a failure of the job: unless it was to be stopped, it runs again elsewhere. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly reason: unknown;

  constructor(reason: unknown) {
    super(`call given up: ${String(reason)}`);
    this.reason = reason;
  }
}
