import { expect, test } from 'vitest';
import { createBodyStore } from './body-store.ts';

test('keeps the last bodies within the limit, and none that is larger', () => {
  const store = createBodyStore({ bytesMax: 100 });
  for (let index = 0; index < 20; index += 1) store.keep(`call ${index}`, { index }, 10);
  expect(store.find('call 9')).toBeUndefined();
  expect(store.find('call 10')).toEqual({ index: 10 });
  store.keep('large', {}, 101);
  expect(store.find('large')).toBeUndefined();
  store.keep('small', { small: true }, 100);
  expect(store.find('small')).toEqual({ small: true });
});
