import { type Failure, type FailureCode, failureRow } from '@llm-gateway/shared/contracts/failure';

const curable: ReadonlySet<FailureCode> = new Set([
  'provider_busy',
  'provider_rate_limited',
  'provider_unreachable',
  'provider_timeout',
  'provider_bad_answer',
  'provider_misconfigured',
  'provider_quota_spent',
]);

/**
 * Whether another model may answer what one has failed to: what is the matter with the request is so everywhere, but for
 * a model that its provider does not have.
 */
export const couldBeCured = ({ code, refusal }: Failure): boolean =>
  curable.has(code) || (code === 'provider_refused' && refusal?.status === 404);

/** Of an attempt's failures, the one that decides what follows: the last one, unless only an earlier one may pass by. */
export const tellingFailure = (earlier: readonly Failure[], last: Failure): Failure => {
  const mayPass = (failure: Failure) => failureRow(failure.code).retry === 'backoff';
  return mayPass(last) ? last : (earlier.findLast(mayPass) ?? last);
};
