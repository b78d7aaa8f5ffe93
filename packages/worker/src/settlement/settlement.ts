import { cachePutLua } from '@llm-gateway/shared/cache/cache-entry';
import type { JobEvent } from '@llm-gateway/shared/contracts/event';
import { type JobRecord, parseJobRecord } from '@llm-gateway/shared/jobs/job-record';
import { lifecycleLua } from '@llm-gateway/shared/lifecycle/lifecycle-lua';
import { isStopReason, type StopReason } from '@llm-gateway/shared/lifecycle/stop-reasons';
import type { ResolvedModel } from '@llm-gateway/shared/pricing/resolve-model';
import { defineScript, loadLua } from '@llm-gateway/shared/redis/define-script';
import type { Keys } from '@llm-gateway/shared/redis/keys';
import { pairsToHash } from '@llm-gateway/shared/redis/pairs-to-hash';
import type { Redis } from 'ioredis';
import type { BookedCall } from './booked-call.ts';
import { createEnd, type RunName, waysToEnd } from './end-job.ts';
import { saysSomething } from './says-something.ts';

export interface SettlementOptions {
  redis: Redis;
  keys: Keys;
  cacheMaxBytes: number;
}

export type Beginning =
  /** The job has ended: by another run, by an earlier one whose end BullMQ did not hear of, or just now. */
  | { kind: 'ended'; heir?: string | undefined }
  | { kind: 'missing' }
  | { kind: 'run'; record: JobRecord; losses: number };

/** `stopped`: the job was to be stopped, or no budget pays for more of it, and it has ended with the run. */
export type Released = 'released' | 'superseded' | 'stopped';

/** `calls`: the next call has been begun. */
export type Moved = { kind: 'calls'; call: number } | { kind: 'superseded' } | { kind: 'stopped' };

export type Appended =
  | { kind: 'superseded' }
  /** How many connections follow the log, its size, and whether the job shall stop. */
  | { kind: 'appended'; heard: number; logBytes: number; stop: StopReason | undefined };

/** Some of a log, as one run writes it piece by piece. */
export interface LogPiece {
  /** 1 for the first of the run. */
  number: number;
  events: readonly JobEvent[];
  /** Characters of text among it. */
  chars: number;
}

/** What follows a run that did not end its job. */
export type NextAttempt = Pick<Extract<JobEvent, { type: 'retrying' }>, 'attempt' | 'afterMs' | 'reason'>;

/** What follows a call that failed, where its run goes on with another model. */
export interface NextCall {
  attempt: number;
  /** A failure's code. */
  reason: string;
  model: Pick<ResolvedModel, 'id' | 'provider'>;
}

const flag = (isSet: boolean) => (isSet ? '1' : '0');
const toJson = (event: JobEvent) => JSON.stringify(event);

/** Writes the life of a job to its record. Every step is one script, so a crash falls between steps, never within. */
export function createSettlement({ redis, keys, cacheMaxBytes }: SettlementOptions) {
  const script = (file: string, ...before: string[]) =>
    defineScript(redis, [lifecycleLua(keys), ...before, loadLua(import.meta.url, file)].join('\n'));
  const beginScript = script('./begin.lua');
  const appendScript = script('./append.lua');
  const releaseScript = script('./release.lua');
  const nextCallScript = script('./next-call.lua');
  const bookScript = script('./book.lua');
  const settleScript = script('./settle.lua', cachePutLua);

  return {
    /** Marks the run in the record before anything is spent on it. */
    async begin(id: string, attempt: number, run: string): Promise<Beginning> {
      const [kind, second, ...parts] = (await beginScript([keys.job(id)], [id, attempt, run])) as [
        string,
        string | number | undefined,
        ...string[],
      ];
      if (kind === 'ended') return { kind, heir: String(second ?? '') || undefined };
      const record = kind === 'run' ? parseJobRecord(pairsToHash(parts)) : undefined;
      return record ? { kind: 'run', record, losses: Number(second) } : { kind: 'missing' };
    },

    /** Writes to the log what a running call has brought; a snapshot takes the place of all entries before it. */
    async append({ id, run }: RunName, { number, events, chars }: LogPiece): Promise<Appended> {
      const isSnapshot = events[0]?.type === 'snapshot';
      const [heard, logBytes, stop] = (await appendScript(
        [keys.job(id)],
        [id, run, chars, flag(isSnapshot), flag(events.some(saysSomething)), number, ...events.map(toJson)],
      )) as [number, number?, string?];
      if (heard < 0) return { kind: 'superseded' };
      const reason = stop ?? '';
      return { kind: 'appended', heard, logBytes: logBytes ?? 0, stop: isStopReason(reason) ? reason : undefined };
    },

    /**
     * Ends the run, not the job: another one follows. Books its call, or leaves it unsettled. The log says so, and
     * whether text has to be taken back.
     */
    async release({ id, run }: RunName, next: NextAttempt, call: BookedCall | undefined): Promise<Released> {
      const event = JSON.stringify({ type: 'retrying', ...next });
      const released = await releaseScript([keys.job(id)], [id, run, event, call ? JSON.stringify(call) : '']);
      return released === 0 ? 'superseded' : released === 2 ? 'stopped' : 'released';
    },

    /**
     * Books a call that failed and begins the next one of the same run. Returns the next one's number, or what became of
     * the run instead.
     */
    async nextCall({ id, run }: RunName, { attempt, reason, model }: NextCall, call: BookedCall): Promise<Moved> {
      const retrying = { type: 'retrying', attempt, afterMs: 0, reason };
      const started: JobEvent = { type: 'started', attempt, provider: model.provider, model: model.id };
      const [moved, number] = (await nextCallScript(
        [keys.job(id)],
        [id, run, JSON.stringify(call), JSON.stringify(retrying), JSON.stringify(started), model.id, model.provider],
      )) as [number, number?];
      if (number !== undefined) return { kind: 'calls', call: number };
      return { kind: moved === 0 ? 'superseded' : 'stopped' };
    },

    /** Books the call of a run that has its job no longer: it is paid for all the same. */
    async book({ id }: Pick<RunName, 'id'>, call: BookedCall): Promise<void> {
      await bookScript([keys.job(id)], [id, JSON.stringify(call)]);
    },

    ...waysToEnd(createEnd(settleScript, keys, cacheMaxBytes)),
  };
}

export type Settlement = ReturnType<typeof createSettlement>;
