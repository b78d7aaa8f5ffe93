import { expect, test } from 'vitest';
import { parseLedgerEntry } from './ledger-entry.ts';
import { entryOf } from './test-ledger.ts';

const { row } = entryOf();
const fields = (written: object | string, t = '1000') => [
  'row',
  typeof written === 'string' ? written : JSON.stringify(written),
  't',
  t,
];

test('a row that scripts wrote is read, and what it leaves out has its default', () => {
  const { promptTokens, savedNanoUsd, ...rest } = row;
  expect(parseLedgerEntry(fields(rest))).toEqual({
    row: { ...rest, promptTokens: 0, savedNanoUsd: '0' },
    atMs: 1000,
  });
});

test('members of a later version are left out', () => {
  expect(parseLedgerEntry(fields({ ...row, later: 1 })).row).toEqual(row);
});

test('Postgres keeps no NUL: it is replaced wherever it stands', () => {
  const parsed = parseLedgerEntry(fields({ ...row, user: 'a\0b\0', providerRequest: '\0' }));
  expect(parsed.row).toMatchObject({ user: 'a\ufffdb\ufffd', providerRequest: '\ufffd' });
});

test.for([
  ['no row at all', ['t', '1']],
  ['what is no JSON', fields('{')],
  ['what is no object', fields('[]')],
  ['null', fields('null')],
  ['a row without a tenant', fields({ ...row, tenant: undefined })],
  ['a fraction of a token', fields({ ...row, promptTokens: 1.5 })],
  ['a negative cost', fields({ ...row, costNanoUsd: '-1' })],
  ['a status nobody knows', fields({ ...row, status: 'paid' })],
  ['no time', fields(row, '').slice(0, 2)],
  ['a time that is none', fields(row, 'soon')],
  ['a time beyond the years that are', fields(row, '1e18')],
] as const)('throws for %s', ([, bad]) => {
  expect(() => parseLedgerEntry(bad)).toThrow();
});
