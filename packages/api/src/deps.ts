import type { Logger } from '@llm-gateway/shared/observability/logger';
import type { Metrics } from '@llm-gateway/shared/observability/metrics';
import type { PriceBook } from '@llm-gateway/shared/pricing/price-book';
import type { LaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import type { FollowedRouting } from '@llm-gateway/shared/routing/follow-routing';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { AdmissionDeps } from './admission/admit.ts';
import type { Authenticator } from './auth/authenticate.ts';
import type { BatchLines } from './batches/batch-lines.ts';
import type { BatchStore } from './batches/batch-store.ts';
import type { SpendReader } from './budget/read-spend.ts';
import type { WriteOff } from './budget/write-off.ts';
import type { Attendance } from './delivery/attendance.ts';
import type { StreamDeliveryDeps } from './delivery/deliver-stream.ts';
import type { DeliveryMarker } from './delivery/mark-delivered.ts';
import type { FileStore } from './files/file-store.ts';
import type { JobReader } from './jobs/job-reader.ts';
import type { ApiKeys } from './keys/api-keys.ts';
import type { Storage } from './storage/storage.ts';
import type { Tenants } from './tenants/tenants.ts';
import type { LedgerDeps } from './usage/open-ledger.ts';
import type { Webhooks } from './webhooks/create-webhooks.ts';

/** What the api process is made of. Wide here; every route takes the two or three it names. */
export interface ApiDeps extends LedgerDeps {
  log: Logger;
  metrics: Metrics;
  redis: Redis;
  keys: Keys;
  authenticator: Authenticator;
  adminKey: string | undefined;
  apiKeys: ApiKeys;
  tenants: Tenants;
  readSpend: SpendReader;
  writeOff: WriteOff;
  admission: AdmissionDeps;
  jobs: JobReader;
  attendance: Attendance;
  laneQueues: LaneQueues;
  markDelivered: DeliveryMarker;
  streams: StreamDeliveryDeps;
  webhooks: Webhooks;
  storage: Storage;
  files: FileStore;
  batches: BatchStore;
  batchLines: BatchLines;
  prices: PriceBook;
  /** Its threads are ended by the drain. */
  counter: TokenCounter;
  /** Those that this process has opened. */
  queues: () => Queue[];
  /** Whether this process has begun to shut down. */
  isDraining: () => boolean;
  /** What is off with the Redis server, seen at start. */
  redisWarnings: string[];
  /** What the operator's file says at the moment. */
  routing: FollowedRouting;
  settings: ApiSettings;
}

export interface ApiSettings {
  bodyLimitBytes: number;
  fileMaxBytes: number;
  batchBodyLimitBytes: number;
  publicUrl: string | undefined;
  batchWindow: number;
  syncWaitMs: number;
  cacheTtlS: number;
  perMinute: number;
  perHour: number;
  maxAttempts: number;
  baseDelayMs: number;
  version: string;
}
