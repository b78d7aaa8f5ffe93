import type { LedgerRow } from '@llm-gateway/shared/contracts/ledger-row';
import type { LedgerDatabase } from '@llm-gateway/shared/ledger/database';
import type { LedgerTable } from '@llm-gateway/shared/ledger/ledger-tables';
import { sql } from 'kysely';
import { momentsOf, type Period } from './period.ts';

/** Of several members, each has to match; absent ones match all. */
export interface LedgerFilter {
  tenantId?: string | undefined;
  userId?: string | undefined;
  keyId?: string | undefined;
  /** Our id of a model. */
  model?: string | undefined;
  status?: LedgerRow['status'] | undefined;
  generation?: string | undefined;
  period: Period;
}

/** Where a row stands in the order of the ledger. It never moves. */
export type LedgerPlace = Pick<LedgerTable, 'at' | 'generation' | 'call'>;

/** Rows of the ledger, the newest first: those that follow `after`. */
export async function pageLedger(
  database: LedgerDatabase,
  filter: LedgerFilter,
  limit: number,
  after?: LedgerPlace,
): Promise<LedgerTable[]> {
  const equal = [
    ['tenant', filter.tenantId],
    ['user_id', filter.userId],
    ['key', filter.keyId],
    ['model', filter.model],
    ['status', filter.status],
    ['generation', filter.generation],
  ] as const;
  const { since, until } = momentsOf(filter.period);
  let query = database.selectFrom('ledger').selectAll();
  for (const [column, value] of equal) if (value !== undefined) query = query.where(column, '=', value);
  if (since) query = query.where('at', '>=', since);
  if (until) query = query.where('at', '<', until);
  if (after) {
    // As one comparison of three columns, which an index answers.
    const place = sql<boolean>`(at, generation, call) < (${after.at}::timestamptz, ${after.generation}, ${after.call}::int)`;
    query = query.where(place);
  }
  return query.orderBy('at', 'desc').orderBy('generation', 'desc').orderBy('call', 'desc').limit(limit).execute();
}

/** Where the row of a call stands; undefined when there is none, or none of the tenant. */
export async function findPlace(
  database: LedgerDatabase,
  { generation, call }: Pick<LedgerPlace, 'generation' | 'call'>,
  tenantId: string | undefined,
): Promise<LedgerPlace | undefined> {
  let query = database
    .selectFrom('ledger')
    .select(['at', 'generation', 'call'])
    .where('generation', '=', generation)
    .where('call', '=', call);
  if (tenantId !== undefined) query = query.where('tenant', '=', tenantId);
  return query.executeTakeFirst();
}
