import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const latencySeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

function requestMetrics(registers: Registry[]) {
  return {
    httpSeconds: new Histogram({
      name: 'gateway_http_request_seconds',
      help: 'Time to answer an HTTP request',
      labelNames: ['method', 'route', 'status'],
      buckets: latencySeconds,
      registers,
    }),
    admissions: new Counter({
      name: 'gateway_admissions_total',
      help: 'Generation requests by what admission decided: accepted, followed, cached, answered, attached, replayed or the failure code',
      labelNames: ['outcome'],
      registers,
    }),
    waiting: new Gauge({
      name: 'gateway_waiting_requests',
      help: 'Requests of this process that wait for a job to end',
      registers,
    }),
    openStreams: new Gauge({
      name: 'gateway_open_streams',
      help: 'Streams of events that this process has open',
      registers,
    }),
    laneJobs: new Gauge({
      name: 'gateway_lane_jobs',
      help: 'Jobs on a lane by their state in the queue',
      labelNames: ['lane', 'state'],
      registers,
    }),
  };
}

function jobMetrics(registers: Registry[]) {
  return {
    jobSeconds: new Histogram({
      name: 'gateway_job_seconds',
      help: 'Time from acceptance to the end of a job that a worker brought: answered, failed or stopped',
      labelNames: ['lane', 'outcome'],
      buckets: latencySeconds,
      registers,
    }),
    providerCalls: new Counter({
      name: 'gateway_provider_calls_total',
      help: 'Provider calls by outcome: ok or the failure code',
      labelNames: ['lane', 'outcome'],
      registers,
    }),
    providerCallSeconds: new Histogram({
      name: 'gateway_provider_call_seconds',
      help: 'Time of one provider call that was answered',
      labelNames: ['lane'],
      buckets: latencySeconds,
      registers,
    }),
    firstTokenSeconds: new Histogram({
      name: 'gateway_time_to_first_token_seconds',
      help: 'Time from the start of a provider call to its first text',
      labelNames: ['lane'],
      buckets: latencySeconds,
      registers,
    }),
    tokens: new Counter({
      name: 'gateway_tokens_total',
      help: 'Tokens that providers charged for',
      labelNames: ['lane', 'kind'],
      registers,
    }),
    costUsd: new Counter({
      name: 'gateway_cost_usd_total',
      help: 'Cost of settled jobs, for trends only: the exact figure is in /v1/usage',
      labelNames: ['lane'],
      registers,
    }),
    webhookDeliveries: new Counter({
      name: 'gateway_webhook_deliveries_total',
      help: 'Attempts to deliver a webhook: delivered, retried or failed; expired: its job was gone before',
      labelNames: ['outcome'],
      registers,
    }),
    budgetEvents: new Counter({
      name: 'gateway_budget_events_total',
      help: 'Budgets that were used up to a threshold, or that refused a request',
      labelNames: ['type'],
      registers,
    }),
    duplicateCalls: new Counter({
      name: 'gateway_duplicate_calls_total',
      help: 'Provider calls that were paid although the job had ended by another one',
      labelNames: ['lane'],
      registers,
    }),
  };
}

function ledgerMetrics(registers: Registry[]) {
  return {
    ledgerRows: new Counter({
      name: 'gateway_ledger_rows_total',
      help: 'Rows of the ledger by what became of them: written, settled (an unsettled one got its outcome) or refused',
      labelNames: ['outcome'],
      registers,
    }),
    ledgerWriteSeconds: new Histogram({
      name: 'gateway_ledger_write_seconds',
      help: 'Time to write one batch of rows to Postgres',
      buckets: latencySeconds,
      registers,
    }),
    ledgerBacklog: new Gauge({
      name: 'gateway_ledger_backlog_rows',
      help: 'Rows of the ledger that are on their way to Postgres',
      registers,
    }),
    ledgerOldestSeconds: new Gauge({
      name: 'gateway_ledger_oldest_seconds',
      help: 'Age of the oldest row on its way to Postgres; 0 when there is none',
      registers,
    }),
  };
}

/** All metrics of all processes: names, help and labels stand in this file. Labels are bounded sets, never user ids. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return { registry, ...requestMetrics([registry]), ...jobMetrics([registry]), ...ledgerMetrics([registry]) };
}

export type Metrics = ReturnType<typeof createMetrics>;
