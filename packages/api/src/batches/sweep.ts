import { sql } from 'kysely';
import type { FileStore } from '../files/file-store.ts';
import type { Storage } from '../storage/storage.ts';
import { resultsKeptMs } from './batch.ts';
import type { BatchLines } from './batch-lines.ts';

/** Removes files that have expired, and the results of message batches that are kept no longer. */
export type BatchSweep = () => Promise<void>;

const archivedAtOnce = 20;

export function createBatchSweep(
  storage: Storage,
  files: Pick<FileStore, 'removeExpired'>,
  lines: Pick<BatchLines, 'clear'>,
): BatchSweep {
  return async () => {
    while ((await files.removeExpired()) > 0);
    const { rows } = await storage((database) =>
      sql<{ id: string }>`
        update batch set archived_at = now() where id in (
          select id from batch
          where is_done and archived_at is null and kind = 'anthropic'
            and ended_at < now() - ${resultsKeptMs} * interval '1 millisecond'
          limit ${archivedAtOnce} for update skip locked
        ) returning id`.execute(database),
    );
    for (const { id } of rows) await lines.clear(id);
  };
}
