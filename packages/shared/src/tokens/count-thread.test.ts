import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { waitFor } from '@llm-gateway/testkit/wait-for';
import { expect, onTestFinished, test } from 'vitest';
import { createCountThread } from './count-thread.ts';

function open(idleMs = 60_000) {
  const thread = createCountThread({ idleMs });
  onTestFinished(() => thread.close());
  return thread;
}

/** What a thread cannot count, as no typed caller could pass it: it dies of it. */
const deadly = [{ length: 1 } as unknown as string];

const threads = () => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;

test('a task that kills the thread is rejected alone; those behind it have a new thread', async () => {
  const thread = open();
  const before = thread.count(['hello world']);
  const killer = thread.count(deadly);
  const behind = thread.count(['hello']);
  await expect(killer).rejects.toThrow('ended with code 1');
  expect(await Promise.all([before, behind])).toEqual([2, 1]);
  expect(await thread.count(['hello world'])).toBe(2);
});

test('what is in hand does not wait any more', async () => {
  const thread = open();
  const counts = [thread.count(['hello']), thread.count(['hello world'])];
  expect(thread.charactersWaiting()).toBe(11);
  await Promise.all(counts);
  expect(thread.charactersWaiting()).toBe(0);
});

test('a thread is started by the first task, and stopped when there is none for a while', async () => {
  const atFirst = threads();
  const thread = open(1);
  expect(threads()).toBe(atFirst);
  const counted = thread.count(['hello world']);
  expect(threads()).toBeGreaterThan(atFirst);
  expect(await counted).toBe(2);
  await waitFor(() => threads() === atFirst, { what: 'the end of the thread' });
  expect(await thread.count(['hello'])).toBe(1);
});

test('a process waits for a count, and not for a thread that has nothing to do', { timeout: 30_000 }, async () => {
  const url = new URL('./count-thread.ts', import.meta.url).href;
  const script = `
    const { createCountThread } = await import(${JSON.stringify(url)});
    const thread = createCountThread({ idleMs: 3_600_000 });
    console.log(await thread.count(['hello world']));`;
  const flags = ['--input-type=module', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { timeout: 20_000 });
  expect(stdout).toBe('2\n');
});
