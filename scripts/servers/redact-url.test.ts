import { expect, test } from 'vitest';
import { redactUrl } from './redact-url.ts';

test.for([
  ['redis://:secret@host:1/0', 'redis://:***@host:1/0'],
  ['rediss://user:secret@host:1', 'rediss://user:***@host:1'],
  ['redis://host:6379', 'redis://host:6379'],
  ['postgres://user:secret@host/ledger?sslmode=require', 'postgres://user:***@host/ledger?sslmode=require'],
  ['postgres://host/ledger?user=me&password=secret', 'postgres://host/ledger?user=me&password=***'],
  ['secret@nowhere', '(not a URL)'],
] as const)('%s is shown without its password', ([url, shown]) => {
  expect(redactUrl(url)).toBe(shown);
});
