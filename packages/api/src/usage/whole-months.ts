import type { Period } from './period.ts';

/** A period as the whole months in it, and the days before and after these. */
export interface MonthParts {
  /** First days of months, both included; undefined when there is no whole one. */
  months: Period | undefined;
  days: Period[];
}

/** `today` is the UTC date now: a period that goes up to it, or further, has no end. */
export function wholeMonths({ from, to }: Period, today: string): MonthParts {
  const end = to === undefined || to >= today ? undefined : to;
  const firstMonth = from === undefined || from.endsWith('-01') ? from : monthAfter(from);
  const lastMonth = end === undefined || isLastOfMonth(end) ? end && monthOf(end) : monthBefore(end);
  const isWithoutMonths = firstMonth !== undefined && lastMonth !== undefined && firstMonth > lastMonth;
  if (isWithoutMonths) return { months: undefined, days: [{ from, to: end }] };
  const days: Period[] = [];
  if (from !== undefined && firstMonth !== undefined && from < firstMonth) {
    days.push({ from, to: dayBefore(firstMonth) });
  }
  if (end !== undefined && !isLastOfMonth(end)) days.push({ from: monthOf(end), to: end });
  return { months: { from: firstMonth, to: lastMonth }, days };
}

const partsOf = (date: string) => date.split('-').map(Number) as [year: number, month: number, day: number];

const monthOf = (date: string) => `${date.slice(0, 7)}-01`;

function shifted(date: string, months: number, days: number): string {
  const [year, month, day] = partsOf(date);
  return new Date(Date.UTC(year, month - 1 + months, day + days)).toISOString().slice(0, 10);
}

const monthAfter = (date: string) => shifted(monthOf(date), 1, 0);
const monthBefore = (date: string) => shifted(monthOf(date), -1, 0);
const dayBefore = (date: string) => shifted(date, 0, -1);
const isLastOfMonth = (date: string) => shifted(date, 0, 1).endsWith('-01');
