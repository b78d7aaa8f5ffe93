import { makeInstanceId } from '@llm-gateway/shared/contracts/ids';
import {
  announceLanes,
  heartbeatMs,
  type ServedLane,
  withdrawLanes,
  withdrawWorker,
} from '@llm-gateway/shared/lanes/announcements';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { Redis } from 'ioredis';

/** Tells the api that this worker is there and which lanes it serves, at once and with every heartbeat. */
export async function announcePresence(redis: Redis, keys: Keys, served: () => Map<Lane, ServedLane>) {
  const workerId = makeInstanceId();
  const announce = () => announceLanes(redis, keys, workerId, served());
  await announce();
  // A heartbeat that fails is not repeated: the next one is due soon, and the connection reports its own errors.
  const heartbeat = setInterval(() => announce().catch(() => undefined), heartbeatMs);
  return {
    /** Tells of lanes that came and went. */
    async renew(gone: readonly Lane[]): Promise<void> {
      await withdrawLanes(redis, keys, gone);
      await announce();
    },
    withdraw(): void {
      clearInterval(heartbeat);
      // Not waited for: a Redis that hangs would hold up the drain, and a worker that is silent is soon struck off.
      withdrawWorker(redis, keys, workerId).catch(() => undefined);
    },
  };
}
