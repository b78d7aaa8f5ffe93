import type { Logger } from '@llm-gateway/shared/observability/logger';
import type { Metrics } from '@llm-gateway/shared/observability/metrics';
import type { PriceBook } from '@llm-gateway/shared/pricing/price-book';
import type { Lane } from '@llm-gateway/shared/queue/generation-queue';
import type { CallLimits } from './call-provider.ts';
import type { Provider } from './providers/provider.ts';
import type { RetryLimits } from './resilience/retry-decision.ts';
import type { Settlement } from './settlement/settlement.ts';

/** What the worker process is made of. */
export interface WorkerDeps {
  log: Logger;
  metrics: Metrics;
  providers: ReadonlyMap<Lane, Provider>;
  prices: PriceBook;
  settlement: Settlement;
  callLimits: CallLimits;
  /** But for the attempts, which every job brings along. */
  retryLimits: Omit<RetryLimits, 'attempts'>;
  /** How many runs of one job may end without a word before it is taken for the cause and failed. */
  lossesMax: number;
}
