import { setTimeout as pause } from 'node:timers/promises';
import type { BatchStatus } from '../storage/storage-tables.ts';
import { type Batch, hasEnded } from './batch.ts';
import type { BatchEvents } from './batch-events.ts';
import type { BatchLeases } from './batch-leases.ts';
import { openRunningLines, type RunLinesDeps, type RunningLines } from './run-lines.ts';
import { type ValidateDeps, validateInput } from './validate-input.ts';
import { type OutputDeps, writeOutput } from './write-output.ts';

export interface RunBatchDeps extends RunLinesDeps, Omit<ValidateDeps, 'lines'>, Omit<OutputDeps, 'lines'> {
  files: ValidateDeps['files'] &
    OutputDeps['files'] & { remove(viewer: { tenantId: string }, id: string): Promise<unknown> };
  leases: BatchLeases;
  tell: BatchEvents;
  tickMs: number;
}

// How long jobs that were told to stop are waited for.
const stopMs = 60_000;

type Stop = 'cancelled' | 'expired';

/**
 * Works on a batch from where it stands to its end. Every step can be done again: of a process that dies in between,
 * another takes over. Ends early, without a word, when the batch has become another's or `signal` says so.
 */
export async function runBatch(batch: Batch, deps: RunBatchDeps, signal: AbortSignal): Promise<void> {
  if (!hasEnded(batch) && !(await bringToEnd(batch, deps, signal))) return;
  await tidyUp(batch.id, deps);
}

/** Whether it has been brought to its end, by this process. */
async function bringToEnd(batch: Batch, deps: RunBatchDeps, signal: AbortSignal): Promise<boolean> {
  const running = await openRunningLines(batch, deps);
  while (!signal.aborted) {
    const now = await deps.leases.look(batch.id);
    if (!now) return false;
    if (hasEnded(now)) return true;
    if (now.status === 'finalizing') return finish(batch, now.status, 'completed', deps, signal);
    if (now.status === 'cancelling' || now.is_late) {
      const stop = now.status === 'cancelling' ? 'cancelled' : 'expired';
      await stopLines(batch, running, stop, deps, signal);
      return finish(batch, now.status, stop, deps, signal);
    }
    if (now.status === 'validating') {
      await validate(batch, deps, signal);
      continue;
    }
    await running.collect();
    const hasMore = await running.fill();
    if (!hasMore && running.inFlight() === 0) {
      await deps.leases.move(batch.id, 'in_progress', { status: 'finalizing' }, 'finalizing_at');
      continue;
    }
    await pause(deps.tickMs, undefined, { signal });
  }
  return false;
}

async function validate(batch: Batch, deps: RunBatchDeps, signal: AbortSignal): Promise<void> {
  const { total, errors } = await validateInput(batch, deps, signal);
  if (errors.length === 0) {
    await deps.leases.move(batch.id, 'validating', { status: 'in_progress', total }, 'in_progress_at');
    return;
  }
  await deps.leases.move(batch.id, 'validating', { status: 'failed', errors: JSON.stringify(errors) }, 'ended_at');
}

/** Ends what has not been begun, and what has as soon as its jobs have heard of it. */
async function stopLines(batch: Batch, running: RunningLines, stop: Stop, deps: RunBatchDeps, signal: AbortSignal) {
  await deps.lines.endAll(batch.id, 'pending', stop);
  await running.cancel();
  const untilMs = Date.now() + stopMs;
  while (!signal.aborted && running.inFlight() > 0 && Date.now() < untilMs) {
    await running.collect(stop);
    if (running.inFlight() > 0) await pause(deps.tickMs, undefined, { signal });
  }
  signal.throwIfAborted();
  await deps.lines.endAll(batch.id, 'submitted', stop);
}

async function finish(
  batch: Batch,
  before: BatchStatus,
  status: Stop | 'completed',
  deps: RunBatchDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const output = batch.kind === 'openai' ? await writeOutput(batch, deps, signal) : undefined;
  const moved = await deps.leases.move(batch.id, before, { status, ...output }, 'ended_at');
  if (moved) return true;
  // Another process has it, or its owner has cancelled it in the meantime: these files are nobody's.
  for (const id of [output?.output_file, output?.error_file]) {
    if (id) await deps.files.remove({ tenantId: batch.tenant }, id);
  }
  return bringToEnd(batch, deps, signal);
}

/** What an end leaves to be done: the owner is told, and what is in files now needs no lines any more. */
async function tidyUp(id: string, { leases, lines, tell }: RunBatchDeps): Promise<void> {
  const batch = await leases.current(id);
  if (!batch) return;
  await tell(batch);
  if (batch.kind === 'openai') await lines.clear(id);
  await leases.done(id);
}
