import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wholeMonths } from './whole-months.ts';

const today = '2026-11-24';

test.for([
  [{}, { months: {}, days: [] }],
  [{ from: '2026-11-01' }, { months: { from: '2026-11-01' }, days: [] }],
  [
    { from: '2026-11-01', to: '2026-11-30' },
    { months: { from: '2026-11-01' }, days: [] },
  ],
  [
    { from: '2026-11-01', to: today },
    { months: { from: '2026-11-01' }, days: [] },
  ],
  [
    { from: '2026-10-01', to: '2026-10-31' },
    { months: { from: '2026-10-01', to: '2026-10-01' }, days: [] },
  ],
  [
    { from: '2026-11-02', to: '2026-11-20' },
    { months: undefined, days: [{ from: '2026-11-02', to: '2026-11-20' }] },
  ],
  [
    { from: '2026-11-01', to: '2026-11-23' },
    { months: undefined, days: [{ from: '2026-11-01', to: '2026-11-23' }] },
  ],
  [
    { from: '2026-09-15', to: '2026-10-15' },
    { months: undefined, days: [{ from: '2026-09-15', to: '2026-10-15' }] },
  ],
  [
    { from: '2025-12-31', to: '2026-03-01' },
    {
      months: { from: '2026-01-01', to: '2026-02-01' },
      days: [
        { from: '2025-12-31', to: '2025-12-31' },
        { from: '2026-03-01', to: '2026-03-01' },
      ],
    },
  ],
  [{ to: '2024-02-29' }, { months: { to: '2024-02-01' }, days: [] }],
  [{ to: '2024-02-28' }, { months: { to: '2024-01-01' }, days: [{ from: '2024-02-01', to: '2024-02-28' }] }],
] as const)('%j is %j', ([period, parts]) => {
  expect(wholeMonths(period, today)).toEqual(parts);
});

const days = fc
  .integer({ min: 0, max: 1300 })
  .map((day) => new Date(Date.UTC(2023, 6, 1 + day)).toISOString().slice(0, 10));
const within = (day: string, { from = '', to = '9' }: { from?: string | undefined; to?: string | undefined }) =>
  from <= day && day <= to;

test('every day of the past is in one part if it is in the period, else in none', () => {
  const ends = fc.option(days, { nil: undefined });
  fc.assert(
    fc.property(ends, ends, days, (from, to, day) => {
      fc.pre((from === undefined || to === undefined || from <= to) && day <= today);
      const { months, days: parts } = wholeMonths({ from, to }, today);
      const hits = parts.filter((part) => within(day, part)).length;
      const inMonths = months !== undefined && within(`${day.slice(0, 7)}-01`, months);
      expect(hits + Number(inMonths)).toBe(Number(within(day, { from, to })));
    }),
    { numRuns: 1000 },
  );
});
