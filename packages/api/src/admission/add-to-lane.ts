import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import type { GenerationJob } from '@llm-gateway/shared/contracts/job';
import type { Producer } from '@llm-gateway/shared/queue/define-queue';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import { callRedis } from '@llm-gateway/shared/redis/call-redis';

/** Gives a job its place in the queue of a lane. Doing so again changes nothing. Throws `dependency_down`, in time. */
export type AddToLane = (lane: Lane, id: string, requestId: string) => Promise<void>;

const addTimeoutMs = 2000;

export function createLaneAdder(producers: ReadonlyMap<Lane, Producer<GenerationJob>>): AddToLane {
  return async (lane, id, requestId) => {
    const producer = producers.get(lane);
    if (!producer) throw new Error(`no producer for lane ${lane}`);
    await callRedis(() => withTimeout(producer.add(id, { v: 1, id, requestId }), addTimeoutMs));
  };
}

/** BullMQ waits for its connection without an end of its own. */
async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
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
