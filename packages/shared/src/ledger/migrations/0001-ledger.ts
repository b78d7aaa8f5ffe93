const sums = `
    requests bigint not null,
    calls bigint not null,
    cached bigint not null,
    coalesced bigint not null,
    failed bigint not null,
    duplicates bigint not null,
    unsettled bigint not null,
    prompt_tokens bigint not null,
    completion_tokens bigint not null,
    cached_prompt_tokens bigint not null,
    cache_write_tokens bigint not null,
    reasoning_tokens bigint not null,
    cost_nano_usd bigint not null,
    saved_nano_usd bigint not null,
    unpriced bigint not null,
    estimated bigint not null`;

/**
 * The bounds keep nonsense of one row from making sums overflow: a million USD and a million million tokens of one call.
 * Text is compared byte by byte ("C"), which is fast and the same whatever the database's language is.
 */
export const ledger0001: readonly string[] = [
  `create table ledger (
    generation text collate "C" not null,
    call integer not null check (call >= 0),
    at timestamptz not null,
    kind text not null,
    status text not null,
    code text,
    tenant text collate "C" not null,
    key text collate "C" not null,
    user_id text collate "C" not null,
    model text collate "C" not null,
    provider text collate "C" not null,
    endpoint text not null,
    request text not null,
    prompt_tokens bigint not null check (prompt_tokens between 0 and 1e12),
    completion_tokens bigint not null check (completion_tokens between 0 and 1e12),
    cached_prompt_tokens bigint not null check (cached_prompt_tokens between 0 and 1e12),
    cache_write_tokens bigint not null check (cache_write_tokens between 0 and 1e12),
    reasoning_tokens bigint not null check (reasoning_tokens between 0 and 1e12),
    usage_source text not null,
    cost_nano_usd bigint check (cost_nano_usd between 0 and 1e15),
    saved_nano_usd bigint not null check (saved_nano_usd between 0 and 1e15),
    price_version text,
    latency_ms bigint check (latency_ms >= 0),
    first_token_ms bigint check (first_token_ms >= 0),
    provider_request text,
    primary key (generation, call),
    constraint unsettled_means_unknown check (
      status <> 'unsettled' or (
        kind = 'call' and usage_source in ('none', 'unknown') and cost_nano_usd is null and saved_nano_usd = 0
        and prompt_tokens + completion_tokens + cached_prompt_tokens + cache_write_tokens + reasoning_tokens = 0
      )
    )
  )`,
  'create index ledger_by_time on ledger (at, generation, call)',
  'create index ledger_by_tenant on ledger (tenant, at, generation, call)',
  'create index ledger_by_user on ledger (tenant, user_id, at, generation, call)',

  // Room on every page lets a row that is counted up again and again stay where it is, with no new index entry.
  `create table usage_day (
    tenant text collate "C" not null,
    day date not null,
    key text collate "C" not null,
    model text collate "C" not null,
    provider text collate "C" not null,
    ${sums},
    primary key (tenant, day, key, model, provider)
  ) with (fillfactor = 70)`,
  'create index usage_day_by_day on usage_day (day)',
  `create table usage_user_day (
    tenant text collate "C" not null,
    user_id text collate "C" not null,
    day date not null,
    key text collate "C" not null,
    model text collate "C" not null,
    provider text collate "C" not null,
    ${sums},
    primary key (tenant, user_id, day, key, model, provider)
  ) with (fillfactor = 70)`,
  'create index usage_user_day_by_day on usage_user_day (tenant, day)',
  // What all users of a tenant came to in months: of days there would be thirty times as many rows to read.
  `create table usage_user_month (
    tenant text collate "C" not null,
    month date not null,
    user_id text collate "C" not null,
    key text collate "C" not null,
    model text collate "C" not null,
    provider text collate "C" not null,
    ${sums},
    primary key (tenant, month, user_id, key, model, provider)
  ) with (fillfactor = 70)`,
  'create index usage_user_month_by_month on usage_user_month (month)',
  `create table latency_day (
    tenant text collate "C" not null,
    day date not null,
    model text collate "C" not null,
    provider text collate "C" not null,
    measure text not null,
    bucket smallint not null,
    count bigint not null,
    primary key (tenant, day, model, provider, measure, bucket)
  ) with (fillfactor = 70)`,
];
