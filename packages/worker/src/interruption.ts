import type { StopReason } from '@llm-gateway/shared/lifecycle/stop-reasons';
import type { BookedCall } from './settlement/booked-call.ts';

/** Reasons for which a worker gives up a call that was going well; the reason of the signal that aborts it. */
export type InterruptionReason = 'lock-lost' | 'draining' | StopReason;

/** A call was given up. Not by itself a failure of the job: unless it was to be stopped, it runs again elsewhere. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly reason: unknown;
  /** What the call came to by then, which has yet to be booked; undefined when the provider had not begun to answer. */
  readonly call: BookedCall | undefined;

  constructor(reason: unknown, call?: BookedCall) {
    super(`call given up: ${String(reason)}`);
    this.reason = reason;
    this.call = call;
  }
}
