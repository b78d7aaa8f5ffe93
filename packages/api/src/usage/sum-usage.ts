import type { LedgerDatabase } from '@llm-gateway/shared/ledger/database';
import { type UsageMeasure, usageMeasureNames } from '@llm-gateway/shared/ledger/usage-measures';
import { type RawBuilder, sql } from 'kysely';
import type { Period } from './period.ts';
import { wholeMonths } from './whole-months.ts';

export interface UsageScope {
  /** Absent: all. */
  tenantId?: string | undefined;
  /** Absent: all. */
  userId?: string | undefined;
  period: Period;
}

export const groupings = ['day', 'model', 'user', 'key', 'provider'] as const;

export type Grouping = (typeof groupings)[number];

export type Sums = Record<UsageMeasure, bigint>;

export interface NamedSums {
  name: string;
  sums: Sums;
}

export interface UsageSums {
  models: NamedSums[];
  /** Days in their order, anything else the dearest first. */
  groups: NamedSums[];
}

export interface GroupOptions {
  by: Grouping;
  /** Of more groups, the dearest ones, or the latest days. */
  max: number;
}

const columns: Record<Grouping, string> = {
  day: 'day',
  model: 'model',
  user: 'user_id',
  key: 'key',
  provider: 'provider',
};

const sums = sql.join(usageMeasureNames.map((name) => sql`sum(${sql.ref(name)}) as ${sql.ref(name)}`));

type Row = { part: 'model' | 'group'; name: string } & Record<UsageMeasure, string>;

/** Sums of the ledger by model, and by whatever else is asked for, as of one moment. */
export async function sumUsage(database: LedgerDatabase, scope: UsageScope, group?: GroupOptions): Promise<UsageSums> {
  const name = group ? sql.ref(columns[group.by]) : sql`''`;
  const order = group?.by === 'day' ? sql`name desc` : sql`sum(cost_nano_usd) desc, name`;
  const { rows } = await sql<Row>`
    with base as (
      select model, ${name}::text as name, ${sums} from (${rowsOf(scope, group?.by)}) as counted group by 1, 2
    )
    select 'model' as part, model as name, ${sums} from base group by model
    union all
    (select 'group', name, ${sums} from base group by name order by ${order} limit ${group?.max ?? 0})`.execute(
    database,
  );

  const of = (part: Row['part']) => rows.filter((row) => row.part === part).map(toSums);
  const groups = of('group');
  return { models: of('model'), groups: group?.by === 'day' ? groups.reverse() : groups };
}

/** The rows of the rollup with the fewest that answer the question. */
function rowsOf(scope: UsageScope, by: Grouping | undefined): RawBuilder<unknown> {
  const { period, userId } = scope;
  if (userId !== undefined) return ofTable('usage_user_day', 'day', scope, period);
  if (by !== 'user') return ofTable('usage_day', 'day', scope, period);
  const { months, days } = wholeMonths(period, new Date().toISOString().slice(0, 10));
  const parts = days.map((part) => ofTable('usage_user_day', 'day', scope, part));
  if (months) parts.push(ofTable('usage_user_month', 'month', scope, months));
  return sql.join(parts, sql` union all `);
}

// In one order: days and months of users are put together.
const namesOf = {
  usage_day: ['model', 'day', 'key', 'provider'],
  usage_user_day: ['model', 'day', 'key', 'provider', 'user_id'],
  usage_user_month: ['model', 'month', 'key', 'provider', 'user_id'],
};

function ofTable(
  table: keyof typeof namesOf,
  date: 'day' | 'month',
  { tenantId, userId }: UsageScope,
  { from, to }: Period,
): RawBuilder<unknown> {
  const conditions = [
    sql`true`,
    ...(tenantId === undefined ? [] : [sql`tenant = ${tenantId}`]),
    ...(userId === undefined ? [] : [sql`user_id = ${userId}`]),
    ...(from === undefined ? [] : [sql`${sql.ref(date)} >= ${from}::date`]),
    ...(to === undefined ? [] : [sql`${sql.ref(date)} <= ${to}::date`]),
  ];
  return sql`select ${sql.join([...namesOf[table], ...usageMeasureNames].map((name) => sql.ref(name)))}
    from ${sql.table(table)} where ${sql.join(conditions, sql` and `)}`;
}

const toSums = ({ name, ...row }: Row): NamedSums => ({
  name,
  sums: Object.fromEntries(usageMeasureNames.map((measure) => [measure, BigInt(row[measure])])) as Sums,
});
