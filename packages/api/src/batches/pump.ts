import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '@llm-gateway/shared/observability/logger';
import { throttle } from '@llm-gateway/shared/observability/throttle';
import type { Batch } from './batch.ts';
import { type RunBatchDeps, runBatch } from './run-batch.ts';
import type { BatchSweep } from './sweep.ts';

export interface PumpOptions extends RunBatchDeps {
  sweep: BatchSweep;
  /** How often is looked for batches that nobody works on. */
  searchMs?: number;
  /** How often a lease is renewed. */
  renewMs?: number;
  log: Logger;
}

/** Works on batches, side by side with the pumps of other api processes. */
export interface Pump {
  start(): void;
  /** Leaves its batches to others, and resolves when it has let go of them, or soon. */
  close(): Promise<void>;
}

const batchesMax = 100;
const sweepMs = 60_000;
const retryMs = 1000;
const closeMs = 2000;

export function createPump(options: PumpOptions): Pump {
  const { leases, sweep, log, searchMs = 1000, renewMs = 10_000 } = options;
  const closing = new AbortController();
  const working = new Map<string, Promise<void>>();
  let searching: Promise<void> | undefined;
  const report = throttle(10_000, (error: unknown, skipped: number) =>
    log.error({ event: 'batch_error', err: error, skipped }, 'batches are held up; it is tried again'),
  );

  async function work(batch: Batch): Promise<void> {
    const lost = new AbortController();
    const signal = AbortSignal.any([closing.signal, lost.signal]);
    const renewal = setInterval(() => {
      leases.renew(batch.id).then((isMine) => isMine || lost.abort(), report);
    }, renewMs);
    try {
      for (let isDone = false; !isDone && !signal.aborted; ) {
        isDone = await runBatch(batch, options, signal).then(
          () => true,
          (error: unknown) => {
            if (!signal.aborted) report(error);
            return false;
          },
        );
        // From what is on record: this process may have heard less than has happened.
        if (!isDone) await pause(retryMs, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      clearInterval(renewal);
      await leases.release(batch.id).catch(report);
    }
  }

  async function search(): Promise<void> {
    let sweepAtMs = 0;
    while (!closing.signal.aborted) {
      try {
        const taken = working.size < batchesMax ? await leases.take(batchesMax - working.size) : [];
        for (const batch of taken) {
          working.set(
            batch.id,
            work(batch).finally(() => working.delete(batch.id)),
          );
        }
        if (Date.now() >= sweepAtMs) {
          await sweep();
          sweepAtMs = Date.now() + sweepMs;
        }
      } catch (error) {
        report(error);
      }
      await pause(searchMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  return {
    start() {
      searching ??= search();
    },
    async close() {
      closing.abort();
      await Promise.race([
        Promise.allSettled([searching, ...working.values()]),
        pause(closeMs, undefined, { ref: false }),
      ]);
    },
  };
}
