import { expect, test } from 'vitest';
import { bareError } from './logger.ts';

test('an error is told by type, words and stack, and so is its cause; what else hangs on it is not', () => {
  const cause = Object.assign(new TypeError('inner'), { headers: { authorization: 'secret-key' } });
  const error = Object.assign(new Error('outer', { cause }), { command: { name: 'hset', args: ['secret-prompt'] } });
  const told = bareError(error);
  expect(told).toMatchObject({ type: 'Error', message: 'outer', cause: { type: 'TypeError', message: 'inner' } });
  expect(JSON.stringify(told)).not.toContain('secret');
});

test('what is thrown need not be an error', () => {
  expect(bareError('just text')).toEqual({ message: 'just text' });
});
