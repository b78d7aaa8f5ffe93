import type { LedgerDatabase } from '@llm-gateway/shared/ledger/database';
import { type Percentiles, percentilesOf } from './percentiles.ts';
import type { UsageScope } from './sum-usage.ts';

export interface Latencies {
  latency: Percentiles;
  /** From the start of a call to its first text. */
  firstToken: Percentiles;
}

/** How long the calls of a tenant, or of all, took in a period. */
export async function readLatencies(
  database: LedgerDatabase,
  { tenantId, period: { from, to } }: Omit<UsageScope, 'userId'>,
): Promise<Latencies> {
  let query = database
    .selectFrom('latency_day')
    .select(({ fn }) => ['measure', 'bucket', fn.sum<string>('count').as('count')])
    .groupBy(['measure', 'bucket'])
    .orderBy('bucket');
  if (tenantId !== undefined) query = query.where('tenant', '=', tenantId);
  if (from !== undefined) query = query.where('day', '>=', from);
  if (to !== undefined) query = query.where('day', '<=', to);
  const rows = await query.execute();
  const of = (measure: (typeof rows)[number]['measure']) =>
    percentilesOf(
      rows.filter((row) => row.measure === measure).map(({ bucket, count }) => ({ bucket, count: Number(count) })),
    );
  return { latency: of('latency'), firstToken: of('first_token') };
}
