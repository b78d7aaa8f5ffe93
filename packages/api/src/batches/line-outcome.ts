import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { makeRequestId } from '@llm-gateway/shared/contracts/ids';
import { errorReply } from '../http/error-body.ts';
import type { BatchKind } from '../storage/storage-tables.ts';
import type { LineEnd } from './batch-lines.ts';
import type { LineResult } from './line-runner.ts';
import { noUsage, usageOfBody } from './token-usage.ts';

// What is not the line's fault and passes.
const passing: readonly string[] = [
  'rate_limited',
  'lane_full',
  'dependency_down',
  'draining',
  'idempotency_in_flight',
];

/** When to submit a line again that was refused; undefined where the refusal is for good. */
export function retryAfterMsOf(error: unknown): number | undefined {
  if (!(error instanceof GatewayError) || !passing.includes(error.failure.code)) return undefined;
  return Math.min(Math.max(error.failure.retryAfterMs ?? 1000, 100), 30_000);
}

/** What a line comes to that its endpoint refuses: what a client would have been answered. */
export function refusedEnd(number: number, kind: BatchKind, error: unknown): LineEnd {
  const failure =
    error instanceof GatewayError
      ? error.failure
      : ({ code: 'internal', detail: 'Something went wrong on our side.' } as const);
  const requestId = makeRequestId();
  const { status, body } = errorReply(kind, failure, { requestId });
  return { number, state: 'failed', statusCode: status, requestId, body: JSON.stringify(body), usage: noUsage };
}

/** What a line comes to whose job has ended. One that was stopped with its batch has that end. */
export function resultEnd(
  number: number,
  kind: BatchKind,
  result: LineResult | undefined,
  stopped: 'cancelled' | 'expired' | undefined,
): LineEnd {
  if (!result) {
    const detail = 'The job of this line was removed before its result was read.';
    return refusedEnd(number, kind, new GatewayError({ code: 'result_expired', detail }));
  }
  const { status, body, requestId, finalState } = result;
  if (stopped && finalState === 'cancelled') {
    return { number, state: stopped, statusCode: null, requestId: null, body: null, usage: noUsage };
  }
  return {
    number,
    state: status === 200 ? 'completed' : 'failed',
    statusCode: status,
    requestId,
    body: JSON.stringify(body),
    usage: usageOfBody(body),
  };
}
