import { expect, test } from 'vitest';
import { isSession, makeSession, sessionMs } from './admin-session.ts';

const key = 'an-admin-key-0123456789';
const token = makeSession(key, 1000);

test('a session holds until it expires', () => {
  expect(isSession(key, token, 1000)).toBe(true);
  expect(isSession(key, token, 1000 + sessionMs - 1)).toBe(true);
  expect(isSession(key, token, 1000 + sessionMs)).toBe(false);
});

test.for([
  undefined,
  '',
  'x',
  `9999999999999.${token.split('.')[1]}`,
  `${token}x`,
  makeSession('another-admin-key-012345', 1000),
])('%s is no session', (forged) => {
  expect(isSession(key, forged, 1000)).toBe(false);
});
