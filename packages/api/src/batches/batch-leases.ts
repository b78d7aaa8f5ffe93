import { sql } from 'kysely';
import type { Storage } from '../storage/storage.ts';
import type { BatchStatus } from '../storage/storage-tables.ts';
import type { Batch } from './batch.ts';

/** How long a batch is left to the process that took it, before that is taken for dead. */
export const leaseS = 30;

// Of all processes together: one tenant's many batches do not keep another's single one waiting.
const batchesPerTenant = 20;

export type BatchChanges = Partial<Pick<Batch, 'status' | 'total' | 'errors' | 'output_file' | 'error_file'>>;

/** Which api process works on which batch. All throw `dependency_down` where Postgres is out of reach. */
export function createBatchLeases(storage: Storage, owner: string) {
  return {
    /** Takes batches that nobody works on, the oldest first. */
    take: (limit: number) =>
      storage(async (database) => {
        const { rows } = await sql<Batch>`
          with to_do as (
            select id, row_number() over (partition by tenant order by id) as rank from batch where not is_done
          ), free as (
            select id from batch
            where not is_done and (lease_until is null or lease_until < now())
              and id in (select id from to_do where rank <= ${batchesPerTenant})
            order by id limit ${limit} for update skip locked
          )
          update batch set lease_owner = ${owner}, lease_until = now() + ${leaseS} * interval '1 second'
          where id in (select id from free) returning *`.execute(database);
        return rows;
      }),

    /** Whether it is still this process's; then it stays so for another while. */
    renew: (id: string) =>
      storage(async (database) => {
        const { numAffectedRows = 0n } = await sql`
          update batch set lease_until = now() + ${leaseS} * interval '1 second'
          where id = ${id} and lease_owner = ${owner}`.execute(database);
        return numAffectedRows > 0n;
      }),

    /** How a batch is now, and whether its time is over; undefined when it is another process's, or gone. */
    look: (id: string) =>
      storage(async (database) => {
        const { rows } = await sql<Pick<Batch, 'status'> & { is_late: boolean }>`
          select status, expires_at <= now() as is_late from batch
          where id = ${id} and lease_owner = ${owner}`.execute(database);
        return rows[0];
      }),

    /** The batch, if it is this process's. */
    current: (id: string) =>
      storage((database) =>
        database
          .selectFrom('batch')
          .selectAll()
          .where('id', '=', id)
          .where('lease_owner', '=', owner)
          .executeTakeFirst(),
      ),

    /** Moves a batch on from one status, if it is this process's and still in that; gives it as it is then. */
    move: (
      id: string,
      from: BatchStatus,
      changes: BatchChanges,
      at?: 'in_progress_at' | 'finalizing_at' | 'ended_at',
    ) =>
      storage((database) =>
        database
          .updateTable('batch')
          .set({ ...changes, ...(at === undefined ? {} : { [at]: sql`now()` }) })
          .where('id', '=', id)
          .where('lease_owner', '=', owner)
          .where('status', '=', from)
          .returningAll()
          .executeTakeFirst(),
      ),

    /** Nothing more is to be done about it. */
    done: (id: string) =>
      storage(async (database) => {
        await database
          .updateTable('batch')
          .set({ is_done: true, lease_owner: null, lease_until: null })
          .where('id', '=', id)
          .where('lease_owner', '=', owner)
          .execute();
      }),

    /** Lets others have what this process works on. */
    release: (id: string) =>
      storage(async (database) => {
        await database
          .updateTable('batch')
          .set({ lease_owner: null, lease_until: null })
          .where('id', '=', id)
          .where('lease_owner', '=', owner)
          .execute();
      }),
  };
}

export type BatchLeases = ReturnType<typeof createBatchLeases>;
