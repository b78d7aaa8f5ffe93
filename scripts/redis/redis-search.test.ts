import { expect, test } from 'vitest';
import { isSupported } from './ask-server.ts';
import { redactUrl } from './redact-url.ts';

test.for([
  ['7.0.15', true],
  ['6.2.0', true],
  ['6.0.16', false],
  ['5.9.9', false],
  ['10.0.0', true],
  ['valkey 8.1.0', true],
] as const)('version %s is supported: %s', ([version, supported]) => {
  expect(isSupported(version)).toBe(supported);
});

test.for([
  ['redis://:secret@host:1/0', 'redis://:***@host:1/0'],
  ['rediss://user:secret@host:1', 'rediss://user:***@host:1'],
  ['redis://host:6379', 'redis://host:6379'],
  ['secret@nowhere', '(not a URL)'],
] as const)('%s is shown without its password', ([url, shown]) => {
  expect(redactUrl(url)).toBe(shown);
});
