/** Reasons for which a worker gives up a call that was going well; the reason of the signal that aborts it. */
export type InterruptionReason = 'lock-lost' | 'draining';

/** A call was given up. Never a failure of the job: it runs again elsewhere. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly reason: unknown;

  constructor(reason: unknown) {
    super(`call given up: ${String(reason)}`);
    this.reason = reason;
  }
}
