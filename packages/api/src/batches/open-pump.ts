import { makeInstanceId } from '@llm-gateway/shared/contracts/ids';
import type { ApiDeps } from '../deps.ts';
import type { GenerationEndpoint } from '../generation/generation-endpoint.ts';
import { createJobCommands } from '../jobs/job-commands.ts';
import { createBatchEvents } from './batch-events.ts';
import { createBatchLeases } from './batch-leases.ts';
import { createLineRunner } from './create-line-runner.ts';
import { createPump, type Pump } from './pump.ts';
import { createBatchSweep } from './sweep.ts';

// How soon it is noticed that jobs of a batch have ended.
const tickMs = 250;

/** The pump of this api process, made of its parts. */
export function openPump(deps: ApiDeps, endpoints: readonly GenerationEndpoint[]): Pump {
  const { storage, files, batchLines: lines, redis, keys, log, settings } = deps;
  return createPump({
    lines,
    files,
    leases: createBatchLeases(storage, makeInstanceId()),
    runner: createLineRunner({ ...deps, endpoints, commands: createJobCommands(deps) }),
    tell: createBatchEvents(redis, keys),
    sweep: createBatchSweep(storage, files, lines),
    window: settings.batchWindow,
    lineMaxBytes: settings.bodyLimitBytes,
    tickMs,
    log,
  });
}
