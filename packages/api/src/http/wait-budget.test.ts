import { expect, test } from 'vitest';
import { waitBudgetMs } from './wait-budget.ts';

test.for([
  ['nothing said', undefined, undefined, 240_000],
  ['a preference', 10, undefined, 10_000],
  ['no patience', 0, undefined, 0],
  ['too much patience', 100_000, undefined, 290_000],
  ['an impatient SDK', undefined, '60', 55_000],
  ['a patient SDK', undefined, '600', 240_000],
  ['an SDK that sends nonsense', undefined, 'soon', 240_000],
  ['an SDK with less than our margin', undefined, '3', 240_000],
] as const)('%s', ([, waitS, timeout, budgetMs]) => {
  const preferences = { respondAsync: false, ...(waitS === undefined ? {} : { waitS }) };
  expect(waitBudgetMs(preferences, timeout, 240_000)).toBe(budgetMs);
});
