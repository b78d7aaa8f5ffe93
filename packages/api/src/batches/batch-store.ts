import { ledgerText } from '@llm-gateway/shared/ledger/ledger-entry';
import { sql } from 'kysely';
import type { Viewer } from '../files/file-store.ts';
import type { Storage } from '../storage/storage.ts';
import type { BatchKind, BatchTable } from '../storage/storage-tables.ts';
import { type Batch, windowMs } from './batch.ts';
import { insertLines, type NewLine } from './batch-lines.ts';

export type NewBatch = Pick<BatchTable, 'id' | 'tenant' | 'key' | 'owner' | 'kind' | 'endpoint'> &
  Partial<Pick<BatchTable, 'input_file' | 'output_expires_s' | 'metadata'>>;

export interface BatchPageQuery {
  limit: number;
  /** Id of the last batch of the page before. */
  after?: string | undefined;
  /** Id of the first batch of the page after. */
  before?: string | undefined;
}

/** Batches as their owners see them. All throw `dependency_down` where Postgres is out of reach. */
export interface BatchStore {
  /** A batch whose lines have yet to be read from its file. */
  create(batch: NewBatch): Promise<Batch>;
  /** A batch with all its lines: both or neither. */
  createWithLines(batch: NewBatch, lines: readonly NewLine[]): Promise<Batch>;
  find(viewer: Viewer, kind: BatchKind, id: string): Promise<Batch | undefined>;
  /** The newest first. One more than `limit` where there are more. */
  page(viewer: Viewer, kind: BatchKind, query: BatchPageQuery): Promise<Batch[]>;
  /** Asks for an end, unless there is one or it is near; gives the batch as it is now. */
  cancel(viewer: Viewer, kind: BatchKind, id: string): Promise<Batch | undefined>;
  /** Removes a batch that has ended, and says whether it did. */
  remove(viewer: Viewer, kind: BatchKind, id: string): Promise<boolean>;
}

export function createBatchStore(storage: Storage): BatchStore {
  const find: BatchStore['find'] = (viewer, kind, id) =>
    storage((database) =>
      visible(database.selectFrom('batch').selectAll(), viewer, kind)
        .where('id', '=', ledgerText(id))
        .executeTakeFirst(),
    );

  return {
    create: (batch) =>
      storage((database) =>
        database
          .insertInto('batch')
          .values({ ...rowOf(batch), status: 'validating' })
          .returningAll()
          .executeTakeFirstOrThrow(),
      ),

    createWithLines: (batch, lines) =>
      storage((database) =>
        database.transaction().execute(async (transaction) => {
          const row = rowOf(batch);
          const made = await transaction
            .insertInto('batch')
            .values({ ...row, status: 'in_progress', total: lines.length, in_progress_at: row.created_at })
            .returningAll()
            .executeTakeFirstOrThrow();
          await insertLines(transaction, batch.id, lines);
          return made;
        }),
      ),

    find,

    page: (viewer, kind, { limit, after, before }) =>
      storage(async (database) => {
        let query = visible(database.selectFrom('batch').selectAll(), viewer, kind).limit(limit + 1);
        if (before !== undefined) {
          // Those that stand nearest before it, which is to be turned round again.
          query = query.where('id', '>', ledgerText(before)).orderBy('id', 'asc');
          const found = await query.execute();
          return [...found.slice(0, limit).reverse(), ...found.slice(limit)];
        }
        if (after !== undefined) query = query.where('id', '<', ledgerText(after));
        return query.orderBy('id', 'desc').execute();
      }),

    cancel: (viewer, kind, id) =>
      storage(async (database) => {
        const cancelled = await visible(database.updateTable('batch'), viewer, kind)
          .set({ status: 'cancelling', cancelling_at: sql`now()` })
          .where('id', '=', ledgerText(id))
          .where('status', 'in', ['validating', 'in_progress'])
          .returningAll()
          .executeTakeFirst();
        return cancelled ?? find(viewer, kind, id);
      }),

    remove: (viewer, kind, id) =>
      storage(async (database) => {
        const { numDeletedRows } = await visible(database.deleteFrom('batch'), viewer, kind)
          .where('id', '=', ledgerText(id))
          .where('is_done', '=', true)
          .executeTakeFirst();
        return numDeletedRows > 0n;
      }),
  };
}

function rowOf(batch: NewBatch) {
  const createdAt = new Date();
  return { ...batch, created_at: createdAt, expires_at: new Date(createdAt.getTime() + windowMs) };
}

/** What of a query's batches the viewer may see: one that is bound to a user sees that user's alone. */
function visible<Query extends { where: (expression: ReturnType<typeof sql<boolean>>) => Query }>(
  query: Query,
  { tenantId, boundUserId }: Viewer,
  kind: BatchKind,
): Query {
  const own = query.where(sql<boolean>`tenant = ${ledgerText(tenantId)} and kind = ${kind}`);
  return boundUserId === undefined ? own : own.where(sql<boolean>`owner = ${ledgerText(boundUserId)}`);
}
