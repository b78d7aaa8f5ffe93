import { z } from 'zod';
import { invalidField } from '../http/invalid-field.ts';

/** UTC dates, both included; absent: without an end on that side. */
export interface Period {
  from?: string | undefined;
  to?: string | undefined;
}

const dayMs = 24 * 3600 * 1000;

const date = z.iso
  .date({ abort: true })
  .refine((text) => text >= '1970-01-01' && text < '9999', 'must be a date of 1970 or later, such as 2026-11-23');

export const periodQuery = {
  from: date.optional().describe('First UTC day; without it from the beginning on'),
  to: date.optional().describe('Last UTC day, included; without it up to now'),
};

export const dayQuery = date.optional().describe('One UTC day instead of all time');

/** Throws `invalid_request` for an end before the beginning. */
export function periodOf({ from, to }: Period): Period {
  if (from !== undefined && to !== undefined && to < from) throw invalidField('to', 'must not be before from');
  return { from, to };
}

/** As text: `all`, one day, or both ends (ISO 8601, `..` for none). */
export function periodText({ from, to }: Period): string {
  if (from === undefined && to === undefined) return 'all';
  return from === to ? (from ?? '') : `${from ?? '..'}/${to ?? '..'}`;
}

/** The first moment of a period, and the first one after it. */
export function momentsOf({ from, to }: Period): { since: Date | undefined; until: Date | undefined } {
  return {
    since: from === undefined ? undefined : new Date(from),
    until: to === undefined ? undefined : new Date(Date.parse(to) + dayMs),
  };
}
