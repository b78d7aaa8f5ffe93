import { makeFileId } from '@llm-gateway/shared/contracts/ids';
import { ledgerText } from '@llm-gateway/shared/ledger/ledger-entry';
import { sql } from 'kysely';
import type { Caller } from '../auth/caller.ts';
import type { Storage } from '../storage/storage.ts';
import type { FileTable } from '../storage/storage-tables.ts';
import { createFileWriter, type FileWriter } from './file-writer.ts';
import type { StoredFile } from './stored-file.ts';

export type Viewer = Pick<Caller, 'tenantId' | 'boundUserId'>;

export interface FilePageQuery {
  purpose?: string | undefined;
  /** Id of the last file of the page before. */
  after?: string | undefined;
  order: 'asc' | 'desc';
  limit: number;
}

/** Files in Postgres, in chunks. All throw `dependency_down` where that is out of reach. */
export interface FileStore {
  /** Begins a file, which is there for nobody before it is finished. */
  begin(file: Pick<FileTable, 'tenant' | 'owner' | 'name'>): Promise<FileWriter>;
  /** The file, if the viewer may see it: one that is bound to a user sees that user's alone. */
  find(viewer: Viewer, id: string): Promise<StoredFile | undefined>;
  /** One more than `limit` where there are more. */
  page(viewer: Viewer, query: FilePageQuery): Promise<StoredFile[]>;
  /** Whether it was there. */
  remove(viewer: Viewer, id: string): Promise<boolean>;
  /** The bytes of a file that was found, a few chunks in memory at a time. */
  content(id: string): AsyncGenerator<Buffer, void>;
  /** Removes some of what has expired, uploads that were cut off among them, and says how many. */
  removeExpired(): Promise<number>;
}

const chunksAtOnce = 4;
const removedAtOnce = 20;
// An upload that takes longer is taken for one that was cut off.
const uploadMaxMs = 2 * 3600 * 1000;

export function createFileStore(storage: Storage): FileStore {
  return {
    async begin({ tenant, owner, name }) {
      const id = makeFileId();
      const createdAt = new Date();
      const row = { id, tenant, owner, name: ledgerText(name), purpose: null, bytes: '0', created_at: createdAt };
      const expiresAt = new Date(createdAt.getTime() + uploadMaxMs);
      await storage((database) =>
        database
          .insertInto('file')
          .values({ ...row, expires_at: expiresAt })
          .execute(),
      );
      return createFileWriter(storage, id, createdAt);
    },

    find: (viewer, id) =>
      storage(async (database) => {
        const found = await visible(database.selectFrom('file').selectAll(), viewer)
          .where('id', '=', ledgerText(id))
          .executeTakeFirst();
        return found as StoredFile | undefined;
      }),

    page: (viewer, { purpose, after, order, limit }) =>
      storage(async (database) => {
        let query = visible(database.selectFrom('file').selectAll(), viewer);
        if (purpose !== undefined) query = query.where('purpose', '=', ledgerText(purpose));
        if (after !== undefined) query = query.where('id', order === 'asc' ? '>' : '<', ledgerText(after));
        return (await query
          .orderBy('id', order)
          .limit(limit + 1)
          .execute()) as StoredFile[];
      }),

    remove: (viewer, id) =>
      storage(async (database) => {
        const { numDeletedRows } = await visible(database.deleteFrom('file'), viewer)
          .where('id', '=', ledgerText(id))
          .executeTakeFirst();
        return numDeletedRows > 0n;
      }),

    async *content(id) {
      for (let number = 0; ; number += chunksAtOnce) {
        const chunks = await storage((database) =>
          database
            .selectFrom('file_chunk')
            .select('content')
            .where('file', '=', id)
            .where('number', '>=', number)
            .where('number', '<', number + chunksAtOnce)
            .orderBy('number')
            .execute(),
        );
        for (const { content } of chunks) yield content;
        if (chunks.length < chunksAtOnce) return;
      }
    },

    removeExpired: () =>
      storage(async (database) => {
        const { numAffectedRows = 0n } = await sql`
          delete from file where id in (
            select id from file where expires_at <= now() order by expires_at limit ${removedAtOnce}
            for update skip locked
          )`.execute(database);
        return Number(numAffectedRows);
      }),
  };
}

/** What of a query's files the viewer may see, and is complete and not yet expired. */
function visible<Query extends { where: (expression: ReturnType<typeof sql<boolean>>) => Query }>(
  query: Query,
  { tenantId, boundUserId }: Viewer,
): Query {
  const alive = query
    .where(sql<boolean>`tenant = ${ledgerText(tenantId)}`)
    .where(sql<boolean>`purpose is not null and expires_at > now()`);
  return boundUserId === undefined ? alive : alive.where(sql<boolean>`owner = ${ledgerText(boundUserId)}`);
}
