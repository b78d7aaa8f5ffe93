import { bucketSql } from './latency-buckets.ts';
import { usageMeasureNames, usageMeasures } from './usage-measures.ts';

const utcDay = `(at at time zone 'UTC')::date`;

/** Adds the sums of `delta` to a table whose primary key is `key`. Sorted, so that two writers lock rows in one order. */
function addUsage(table: string, key: string): string {
  const names = usageMeasureNames;
  return `
    insert into ${table} as sums (${key}, ${names.join(', ')})
    select ${key}, ${names.map((name) => `sum(${name})`).join(', ')} from delta group by ${key} order by ${key}
    on conflict (${key}) do update set ${names.map((name) => `${name} = sums.${name} + excluded.${name}`).join(', ')}`;
}

const latencyKey = 'tenant, day, model, provider, measure, bucket';

/** Calls that were answered: what failed early would make a provider look fast. */
const addLatencies = `
    insert into latency_day as sums (${latencyKey}, count)
    select tenant, ${utcDay}, model, provider, measure, ${bucketSql('ms')}, count(*)
    from written cross join lateral (values ('latency', latency_ms), ('first_token', first_token_ms)) as times (measure, ms)
    where kind = 'call' and status in ('completed', 'incomplete') and ms is not null
    group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
    on conflict (${latencyKey}) do update set count = sums.count + excluded.count`;

/**
 * SQL: CTEs that bring the rollups up to date with `written`, a CTE before them that has rows of the ledger and `is_new`.
 * A row that is not new was unsettled before, and without tokens and cost: a constraint of the table sees to it.
 */
export const rollupCtes = `
  delta as (
    select ${utcDay} as day, date_trunc('month', ${utcDay})::date as month, tenant, key, user_id, model, provider,
      ${usageMeasureNames.map((name) => `${usageMeasures[name]} as ${name}`).join(',\n      ')}
    from written
  ),
  days as (${addUsage('usage_day', 'tenant, day, key, model, provider')}),
  user_days as (${addUsage('usage_user_day', 'tenant, user_id, day, key, model, provider')}),
  user_months as (${addUsage('usage_user_month', 'tenant, month, user_id, key, model, provider')}),
  latencies as (${addLatencies})`;
