import { expect, test } from 'vitest';
import { createRecordCache } from './record-cache.ts';

/** A store whose answers come when the test says. */
function slowStore() {
  const open: PromiseWithResolvers<string | undefined>[] = [];
  return {
    read: () => {
      const answer = Promise.withResolvers<string | undefined>();
      open.push(answer);
      return answer.promise;
    },
    reads: () => open.length,
    answer: (index: number, value: string | undefined) => open[index]?.resolve(value),
    fail: (index: number) => open[index]?.reject(new Error('away')),
  };
}

const cacheOf = (store: ReturnType<typeof slowStore>, more: object = {}) =>
  createRecordCache<string>({ read: store.read, ttlMs: 60_000, ...more });

test('who asks at once is answered by one read, and who comes later by none', async () => {
  const store = slowStore();
  const cache = cacheOf(store);
  const asked = [cache.get('a'), cache.get('a'), cache.get('a')];
  store.answer(0, 'record');
  expect(await Promise.all([...asked, cache.get('a')])).toEqual(['record', 'record', 'record', 'record']);
  expect(store.reads()).toBe(1);
});

test('names are kept apart', async () => {
  const cache = createRecordCache<string>({ read: async (name) => `record ${name}`, ttlMs: 60_000 });
  expect([await cache.get('a'), await cache.get('b'), await cache.get('a')]).toEqual([
    'record a',
    'record b',
    'record a',
  ]);
});

test('what is not there is asked for anew', async () => {
  const store = slowStore();
  const cache = cacheOf(store);
  const missed = cache.get('a');
  store.answer(0, undefined);
  expect(await missed).toBeUndefined();
  const found = cache.get('a');
  store.answer(1, 'made meanwhile');
  expect(await found).toBe('made meanwhile');
});

test('a read that failed fails whoever had asked, and nobody after', async () => {
  const store = slowStore();
  const cache = cacheOf(store);
  const asked = [cache.get('a'), cache.get('a')];
  store.fail(0);
  for (const one of asked) await expect(one).rejects.toThrow('away');
  const found = cache.get('a');
  store.answer(1, 'record');
  expect(await found).toBe('record');
});

test('what is dropped while it is being read is not kept', async () => {
  const store = slowStore();
  const cache = cacheOf(store);
  const before = cache.get('a');
  cache.drop('a');
  const after = cache.get('a');
  store.answer(1, 'revoked');
  store.answer(0, 'valid');
  expect(await before).toBe('valid');
  expect(await after).toBe('revoked');
  expect(await cache.get('a')).toBe('revoked');
});

test('a missing record that is read late does not take away the one that has been read since', async () => {
  const store = slowStore();
  const cache = cacheOf(store);
  const before = cache.get('a');
  cache.drop('a');
  const after = cache.get('a');
  store.answer(1, 'record');
  store.answer(0, undefined);
  await Promise.all([before, after]);
  expect(await cache.get('a')).toBe('record');
  expect(store.reads()).toBe(2);
});

test('a time of 0 keeps nothing', async () => {
  const store = slowStore();
  const cache = cacheOf(store, { ttlMs: 0 });
  const asked = [cache.get('a'), cache.get('a')];
  store.answer(0, 'first');
  store.answer(1, 'second');
  expect(await Promise.all(asked)).toEqual(['first', 'second']);
});

test('it is bounded: what was not asked for the longest goes first', async () => {
  const reads: string[] = [];
  const cache = createRecordCache<string>({
    read: async (name) => {
      reads.push(name);
      return name;
    },
    ttlMs: 60_000,
    entriesMax: 2,
  });
  for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) await cache.get(name);
  expect(reads).toEqual(['a', 'b', 'c', 'b']);
});
