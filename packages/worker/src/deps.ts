import type { Logger } from '@llm-gateway/shared/observability/logger';
import type { Metrics } from '@llm-gateway/shared/observability/metrics';
import type { PriceBook } from '@llm-gateway/shared/pricing/price-book';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import type { LaneQueues } from '@llm-gateway/shared/queue/lane-queues';
import type { TokenCounter } from '@llm-gateway/shared/tokens/token-counter';
import type { CallLimits } from './call-provider.ts';
import type { Provider } from './providers/provider.ts';
import type { RetryLimits } from './resilience/retry-decision.ts';
import type { Settlement } from './settlement/settlement.ts';
import type { Stops } from './stops.ts';

/** What the worker process is made of. */
export interface WorkerDeps {
  log: Logger;
  metrics: Metrics;
  providers: ReadonlyMap<Lane, Provider>;
  prices: PriceBook;
  counter: TokenCounter;
  settlement: Settlement;
  stops: Stops;
  laneQueues: Pick<LaneQueues, 'requeue'>;
  callLimits: CallLimits;
  /** But for attempts and deadline, which every job brings along. */
  retryLimits: Omit<RetryLimits, 'attempts' | 'leftMs'>;
  /** How many runs of one job may end without a word before it is taken for the cause and failed. */
  lossesMax: number;
  /** Beyond this size a job's log starts anew with all text so far. */
  logMaxBytes: number;
}
