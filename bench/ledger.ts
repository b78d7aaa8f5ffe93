// What a month's summary costs with ten million rows: from the rollups, and straight from the ledger beside it.
// usage: node scripts/run.mjs node bench/ledger.ts [rows] [repeats]
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LedgerDatabase, openDatabase } from '@llm-gateway/shared/ledger/database';
import type { LedgerEntry } from '@llm-gateway/shared/ledger/ledger-entry';
import { migrateLedger } from '@llm-gateway/shared/ledger/migrate-ledger';
import { rollupCtes } from '@llm-gateway/shared/ledger/rollups';
import { usageMeasureNames, usageMeasures } from '@llm-gateway/shared/ledger/usage-measures';
import { writeLedgerRows } from '@llm-gateway/shared/ledger/write-rows';
import { createLogger } from '@llm-gateway/shared/observability/logger';
import { Client } from 'pg';
import { readLatencies } from '../packages/api/src/usage/read-latencies.ts';
import { type Grouping, sumUsage } from '../packages/api/src/usage/sum-usage.ts';
import { startPrivatePostgres } from '../scripts/postgres/start-private-postgres.ts';

const [rows = 10_000_000, repeats = 15] = process.argv.slice(2).map(Number);
const fillChunk = 500_000;
const writtenRows = 50_000;
const batch = 500;

const dayMs = 24 * 3600 * 1000;
const month = { from: '2026-10-01', to: '2026-10-31' };
const monthMs = 31 * dayMs;
const tenant = 'tenant-0';

const ledgerColumns =
  'generation, call, at, kind, status, code, tenant, key, user_id, model, provider, endpoint, request, prompt_tokens, ' +
  'completion_tokens, cached_prompt_tokens, cache_write_tokens, reasoning_tokens, usage_source, cost_nano_usd, ' +
  'saved_nano_usd, price_version, latency_ms, first_token_ms, provider_request';

/**
 * Rows of one month: 20 tenants, of which the largest has some 22 %, with 1,000 users, 10 keys and 5 models each. Three
 * in twenty are answered by the cache, one in twenty shares a call, and three in a hundred calls fail.
 */
const generated = (from: number, to: number) =>
  `
  select 'job_' || lpad(n::text, 26, '0') as generation, (kind = 'call')::int as call,
    timestamptz '${month.from}T00:00:00Z' + n * interval '31 days' / ${rows} as at, kind,
    case when kind = 'call' and luck < 0.03 then 'failed' when luck > 0.98 then 'incomplete' else 'completed' end as status,
    null as code, 'tenant-' || floor(20 * size * size) as tenant, 'key-' || who % 10 as key, 'user-' || who as user_id,
    'provider/model-' || what as model, case when what < 3 then 'openai' else 'anthropic' end as provider,
    '/v1/generate' as endpoint, 'req_' || n as request,
    case when kind = 'call' then (2000 * luck)::int else 0 end as prompt_tokens,
    case when kind = 'call' then (800 * size)::int else 0 end as completion_tokens,
    0 as cached_prompt_tokens, 0 as cache_write_tokens, 0 as reasoning_tokens,
    case when kind = 'call' then 'provider' else 'none' end as usage_source,
    case when kind = 'call' then (1e7 * luck)::bigint else 0 end as cost_nano_usd,
    case when kind = 'call' then 0 else (1e7 * luck)::bigint end as saved_nano_usd, 'bench' as price_version,
    case when kind = 'call' then exp(5 + 4 * luck)::int end as latency_ms,
    case when kind = 'call' then exp(4 + 3 * size)::int end as first_token_ms, null as provider_request
  from (
    select n, random() as size, random() as luck, floor(1000 * random())::int as who, floor(5 * random())::int as what,
      case when random() < 0.15 then 'cached' when random() < 0.06 then 'coalesced' else 'call' end as kind
    from generate_series(${from}, ${to}) as n
    offset 0
  ) as dice`;

async function fill(client: Client): Promise<void> {
  for (let from = 1; from <= rows; from += fillChunk) {
    const to = Math.min(rows, from + fillChunk - 1);
    await client.query(`with written as (insert into ledger (${ledgerColumns}) ${generated(from, to)}
      returning *, true as is_new), ${rollupCtes} select count(*) from written`);
  }
  // As the server does by itself, sooner or later.
  await client.query('vacuum analyze');
}

/** Batches of calls of the month's last day, as they come from the outbox. */
function* batches(): Generator<LedgerEntry[]> {
  for (let from = 0; from < writtenRows; from += batch) {
    yield Array.from({ length: batch }, (_, index) => {
      const number = from + index;
      return {
        atMs: Date.parse(month.from) + monthMs - writtenRows + number,
        row: {
          generation: `job_written_${String(number).padStart(14, '0')}`,
          call: 1,
          kind: 'call',
          status: 'completed',
          tenant: `tenant-${number % 20}`,
          key: `key-${number % 10}`,
          user: `user-${(number * 7) % 1000}`,
          model: `provider/model-${number % 5}`,
          provider: 'openai',
          endpoint: '/v1/generate',
          request: `req_${number}`,
          promptTokens: 1000,
          completionTokens: 200,
          cachedPromptTokens: 0,
          cacheWriteTokens: 0,
          reasoningTokens: 0,
          usageSource: 'provider',
          costNanoUsd: '4500000',
          savedNanoUsd: '0',
          priceVersion: 'bench',
          latencyMs: 100 + (number % 5000),
          firstTokenMs: 50 + (number % 500),
          providerRequest: `chatcmpl-${number}`,
        },
      };
    });
  }
}

/** Rows that one writer brings to the ledger in a second. */
async function writeSpeed(database: LedgerDatabase): Promise<number> {
  const before = performance.now();
  for (const entries of batches()) await writeLedgerRows(database, entries);
  return (writtenRows / (performance.now() - before)) * 1000;
}

interface Question {
  name: string;
  by?: Grouping;
  period?: typeof month;
}

const questions: Question[] = [
  { name: 'a month' },
  { name: 'a month by day', by: 'day' },
  { name: 'a month by model', by: 'model' },
  { name: 'a month by key', by: 'key' },
  { name: 'a month by user', by: 'user' },
  // No whole month, so that the days of all users are added up.
  { name: '30 days by user', by: 'user', period: { from: '2026-10-02', to: '2026-10-31' } },
];

async function askRollups(database: LedgerDatabase, { by, period = month }: Question): Promise<void> {
  const scope = { tenantId: tenant, period };
  await Promise.all([sumUsage(database, scope, by && { by, max: 100 }), readLatencies(database, scope)]);
}

const columnOf: Record<Grouping, string> = {
  day: `(at at time zone 'UTC')::date`,
  model: 'model',
  user: 'user_id',
  key: 'key',
  provider: 'provider',
};

/** The same sums and percentiles without rollups. */
async function askLedger(client: Client, { by, period = month }: Question): Promise<void> {
  const sums = usageMeasureNames.map((name) => `sum(${usageMeasures[name]}) as ${name}`).join(', ');
  const until = new Date(Date.parse(period.to) + dayMs).toISOString();
  const asked = `(select *, true as is_new from ledger
    where tenant = '${tenant}' and at >= '${period.from}T00:00:00Z' and at < '${until}') as written`;
  await client.query(`select model, ${by ? columnOf[by] : 'null'} as name, ${sums} from ${asked} group by 1, 2`);
  await client.query(`select percentile_disc(array[0.5, 0.95, 0.99]) within group (order by latency_ms),
      percentile_disc(array[0.5, 0.95, 0.99]) within group (order by first_token_ms) from ${asked}
      where kind = 'call' and status in ('completed', 'incomplete')`);
}

async function time(times: number, ask: () => Promise<void>) {
  const taken: number[] = [];
  for (let round = 0; round < times; round += 1) {
    const before = performance.now();
    await ask();
    taken.push(performance.now() - before);
  }
  const sorted = taken.sort((one, other) => one - other);
  return { p50: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

const dir = await mkdtemp(join(tmpdir(), 'llm-gateway-bench-'));
await chmod(dir, 0o755); // for the user that Postgres runs as when we are root
const server = await startPrivatePostgres({ dir });
const log = createLogger({ service: 'bench', level: 'silent' });
const database = openDatabase(server.url, { name: 'bench', poolMax: 4, statementTimeoutMs: 600_000, log });
const client = new Client({ connectionString: server.url });
try {
  await client.connect();
  await migrateLedger(database);
  console.log(`writer, empty ledger: ${Math.round(await writeSpeed(database))} rows/s in batches of ${batch}`);
  await client.query('truncate ledger, usage_day, usage_user_day, usage_user_month, latency_day');
  const before = performance.now();
  await fill(client);
  console.log(`${rows} rows filled in ${Math.round((performance.now() - before) / 1000)} s`);
  const { rows: sizes } = await client.query<{ name: string; count: string; size: string }>(`
    select relname as name, n_live_tup as count, pg_size_pretty(pg_total_relation_size(relid)) as size
    from pg_stat_user_tables where n_live_tup > 100 order by 1`);
  for (const { name, count, size } of sizes) console.log(`  ${name}: ${count} rows, ${size}`);

  for (const question of questions) {
    const rolled = await time(repeats, () => askRollups(database, question));
    const straight = await time(3, () => askLedger(client, question));
    console.log(
      `${question.name}: p50 ${rolled.p50.toFixed(1)} ms, max ${rolled.max.toFixed(1)} ms; ` +
        `straight from the ledger p50 ${straight.p50.toFixed(0)} ms (ratio ${(straight.p50 / rolled.p50).toFixed(0)})`,
    );
  }
  console.log(`writer, ${rows} rows in the ledger: ${Math.round(await writeSpeed(database))} rows/s`);
} finally {
  await client.end();
  await database.destroy();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
}
