import { expect, test } from 'vitest';
import { createInHand } from './in-hand.ts';

test('it is idle when the last run has ended, however it ended', async () => {
  const inHand = createInHand();
  await inHand.idle();
  const first = Promise.withResolvers<string>();
  const second = Promise.withResolvers<string>();
  const runs = [inHand.track(() => first.promise), inHand.track(() => second.promise)];
  let isIdle = false;
  const idle = inHand.idle().then(() => {
    isIdle = true;
  });
  expect(inHand.count()).toBe(2);
  first.resolve('answer');
  await expect(runs[0]).resolves.toBe('answer');
  expect(isIdle).toBe(false);
  second.reject(new Error('failed'));
  await expect(runs[1]).rejects.toThrow('failed');
  await idle;
  expect(inHand.count()).toBe(0);
});
