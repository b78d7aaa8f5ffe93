import type { BudgetPeriod } from '@llm-gateway/shared/contracts/policy';

/** The name of the period that a time lies in, as keys have it: `total`, a UTC month or a UTC day. */
export function periodName(period: BudgetPeriod, atMs: number): string {
  const day = new Date(atMs).toISOString().slice(0, 10);
  return period === 'total' ? 'total' : period === 'month' ? day.slice(0, 7) : day;
}

/** When the period of a time is over; null for one without an end. */
export function periodEndMs(period: BudgetPeriod, atMs: number): number | null {
  const at = new Date(atMs);
  if (period === 'total') return null;
  return period === 'month'
    ? Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1)
    : Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + 1);
}
