import { GatewayError } from '../contracts/failure.ts';

/** Gives a BullMQ call an end: BullMQ waits for its connection without one. Throws `dependency_down`. */
export async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () =>
      reject(
        new GatewayError({
          code: 'dependency_down',
          detail: 'The job store did not answer in time.',
          retryAfterMs: 1000,
        }),
      ),
    timeoutMs,
  );
  return Promise.race([work, promise]).finally(() => clearTimeout(timer));
}
