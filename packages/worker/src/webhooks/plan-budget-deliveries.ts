import { readSpendSubject } from '@llm-gateway/shared/budget/spend-subject';
import type { BudgetPeriod } from '@llm-gateway/shared/contracts/policy';
import { usdNumber } from '@llm-gateway/shared/pricing/format-usd';
import { budgetEvents, usualEndpointEvents } from '@llm-gateway/shared/webhooks/job-webhook';
import { webhookBody } from '@llm-gateway/shared/webhooks/webhook-body';
import { digestOf, type NewDelivery } from '@llm-gateway/shared/webhooks/webhook-delivery';
import type { WebhookEndpoint } from '@llm-gateway/shared/webhooks/webhook-endpoints';
import { z } from 'zod';

const nanoUsd = z.string().regex(/^\d+$/).transform(BigInt);

/** What a script has left in the outbox of a budget: it is used up to so many per cent, or it has refused a request. */
export const budgetEntry = z.object({
  type: z.enum(budgetEvents),
  tenant: z.string(),
  subject: z.string().transform(readSpendSubject),
  /** `total`, a UTC month (`2026-11`) or a UTC day (`2026-11-24`). */
  period: z.string(),
  limit: nanoUsd,
  spent: nanoUsd,
  /** How much of the limit is used up. */
  percent: z.coerce.number(),
  /** Of a refusal only: what is held for generations under way and lost calls, and what the refused one may cost. */
  reserved: nanoUsd.optional(),
  unsettled: nanoUsd.optional(),
  needed: nanoUsd.optional(),
  t: z.coerce.number(),
});

export type BudgetEntry = z.output<typeof budgetEntry>;

const kindOf = (period: string): BudgetPeriod =>
  period === 'total' ? 'total' : period.length === 'YYYY-MM'.length ? 'month' : 'day';

/** What receivers and the log are told of it. */
export const budgetData = ({ tenant, subject, period, limit, spent, percent, ...held }: BudgetEntry) => ({
  tenant_id: tenant,
  scope: subject.scope,
  id: subject.id,
  period: kindOf(period),
  period_start: period === 'total' ? null : period.padEnd('YYYY-MM-DD'.length, '-01'),
  limit_usd: usdNumber(limit),
  spent_usd: usdNumber(spent),
  percent,
  ...(held.needed === undefined
    ? {}
    : {
        reserved_usd: usdNumber(held.reserved ?? 0n),
        unsettled_usd: usdNumber(held.unsettled ?? 0n),
        needed_usd: usdNumber(held.needed),
      }),
});

/** Who is to be told of it. The same entry always comes to the same deliveries with the same ids. */
export function planBudgetDeliveries(
  entryId: string,
  entry: BudgetEntry,
  endpoints: readonly WebhookEndpoint[],
): NewDelivery[] {
  const { type, tenant, t } = entry;
  const event = `evt_${digestOf(tenant, type, entryId)}`;
  const body = webhookBody({ eventId: event, type, atMs: t, data: budgetData(entry) });
  return endpoints
    .filter(({ disabled, events = usualEndpointEvents }) => !disabled && events.some((wanted) => wanted === type))
    .map(({ id, url }) => ({ tenant, event, type, url, body, endpoint: id }));
}
