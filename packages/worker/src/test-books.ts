import { spendSubject } from '@llm-gateway/shared/budget/spend-subject';
import type { LedgerRow } from '@llm-gateway/shared/contracts/ledger-row';
import { expect } from 'vitest';
import type { BookedCall } from './settlement/booked-call.ts';
import type { TestHold, TestSpend } from './test-job.ts';

/** A job as its books know it. */
export interface Account {
  user: string;
  key: string | undefined;
  /** UTC day of its acceptance. */
  day: string;
  /** With the names of its budgets' periods. */
  hold: TestHold | undefined;
  /** Whether limits counted it at its acceptance; one that shares a call is not. */
  isCounted: boolean;
}

interface NamedCall {
  id: string;
  call: BookedCall;
}

const nameOf = (id: string, call: number) => `${id}/${call}`;
const nameOfRow = ({ generation, call }: LedgerRow) => nameOf(generation, call);
const isSettled = ({ status }: LedgerRow) => status !== 'unsettled';

/** The books as a plain model: what has been spent, reserved and left unsettled follows from what has happened. For tests. */
export function createBooksModel() {
  const accounts = new Map<string, Account>();
  const begun = new Set<string>();
  const booked = new Map<string, NamedCall>();
  /** Calls that were booked when nobody kept their job any more: they have a row, and that is all. */
  const tooLate = new Set<string>();
  const rows: LedgerRow[] = [];
  const account = (id: string): Account => {
    const found = accounts.get(id);
    if (!found) throw new Error(`no account of ${id}`);
    return found;
  };

  return {
    rows,
    /** Jobs that wait for another run although what was held for the last call is gone. */
    unheld: new Set<string>(),
    accepted: (id: string, about: Account) => accounts.set(id, about),
    accounts: () => [...accounts],
    account,
    /** A run that is about to call its provider. */
    begin: (id: string, call: number) => begun.add(nameOf(id, call)),
    begun: () => [...begun],
    booked: () => [...booked],
    isBooked: (id: string, call: number) => booked.has(nameOf(id, call)),

    /** A call was booked for a job that is still kept; again changes nothing, and that nobody knows leaves it unsettled. */
    book(id: string, call: BookedCall): void {
      if (call.isUnknown) return;
      if (!booked.has(nameOf(id, call.call))) booked.set(nameOf(id, call.call), { id, call });
    },
    bookTooLate: (id: string, call: BookedCall) => tooLate.add(nameOf(id, call.call)),

    /** Takes a row as the ledger has it, in its order. */
    write(row: LedgerRow): void {
      const name = nameOfRow(row);
      const earlier = rows.filter((other) => nameOfRow(other) === name);
      const settled = earlier.filter(isSettled);
      if (!isSettled(row)) expect(earlier, `${name} is left unsettled once, and before it is settled`).toEqual([]);
      // Without a record nobody knows that it was said before; but it is the same row.
      else expect(settled, `${name} is booked once`).toEqual(tooLate.has(name) ? settled.map(() => row) : []);
      rows.push(row);
    },
  };
}

export type BooksModel = ReturnType<typeof createBooksModel>;

/** All that count what a job spends, whether there is a budget or not. */
const countersOf = ({ user, key, day }: Account) =>
  [spendSubject.tenant('acme'), spendSubject.user('acme', user), ...(key ? [spendSubject.key(key)] : [])].flatMap(
    (subject) => ['total', day.slice(0, 7), day].map((period) => ({ subject, period })),
  );

/** What stands in every counter, by period and subject. For tests. */
export function sumsOf(books: BooksModel, isHolding: (id: string) => boolean): Map<string, TestSpend> {
  const sums = new Map<string, TestSpend>();
  const add = ({ subject, period }: { subject: string; period: string }, field: keyof TestSpend, nano: number) => {
    const name = `${period} ${subject}`;
    const sum = sums.get(name) ?? { spent: 0, reserved: 0, unsettled: 0 };
    sums.set(name, { ...sum, [field]: sum[field] + nano });
  };
  const addHold = (id: string, field: keyof TestSpend) => {
    const { hold } = books.account(id);
    for (const budget of hold?.budgets ?? []) add(budget, field, Number(hold?.nano));
  };
  for (const [, { id, call }] of books.booked()) {
    for (const counter of countersOf(books.account(id))) add(counter, 'spent', Number(call.nano));
  }
  for (const [id] of books.accounts()) if (isHolding(id)) addHold(id, 'reserved');
  for (const { status, generation, call } of books.rows) {
    if (status === 'unsettled' && !books.isBooked(generation, call)) addHold(generation, 'unsettled');
  }
  return sums;
}

/** Tokens that windows count: what was estimated of jobs under way, what was used of those that have ended. For tests. */
export function tokensOf(books: BooksModel, isOpen: (id: string) => boolean): number {
  const isWatched = ({ hold }: Account) => (hold?.windows.length ?? 0) > 0;
  const estimated = books
    .accounts()
    .filter(([id, about]) => isOpen(id) && about.isCounted && isWatched(about))
    .map(([, { hold }]) => hold?.tokens ?? 0);
  const used = books
    .booked()
    .filter(([, { id }]) => !isOpen(id) && isWatched(books.account(id)))
    .map(([, { call }]) => call.tokens);
  return [...estimated, ...used].reduce((sum, tokens) => sum + tokens, 0);
}

/** Checks that every call that was begun has a row, and one that was booked the row that says so. For tests. */
export function checkRows(books: BooksModel): void {
  const named = new Set(books.rows.map(nameOfRow));
  expect(books.begun().filter((name) => !named.has(name))).toEqual([]);
  for (const [name, { id, call }] of books.booked()) {
    const [row, ...more] = books.rows.filter((other) => nameOfRow(other) === name && isSettled(other));
    const { costNanoUsd } = JSON.parse(call.row) as LedgerRow;
    const { user, key = '' } = books.account(id);
    expect(row, `the row of ${name}`).toMatchObject({ kind: 'call', costNanoUsd, user, key });
    expect(more).toEqual([]);
  }
}
