import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { test as base, expect } from 'vitest';

const test = base.extend<{ child: ChildProcess }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures are wanted
  child: async ({}, use) => {
    const child = fork(new URL('./main.ts', import.meta.url), { silent: true });
    await use(child);
    child.kill('SIGKILL');
  },
});

test.for(['SIGTERM', 'SIGINT', 'disconnect'] as const)(
  'says where it listens, and stops on %s with a call open',
  async (how, { child }) => {
    const [[line], [message]] = await Promise.all([once(child.stdout!, 'data'), once(child, 'message')]);
    const { event, url } = JSON.parse(String(line)) as { event: string; url: string };
    expect(event).toBe('listening');
    expect(message).toEqual({ ready: true, url });

    const body = JSON.stringify({
      model: 'sandbox/hang-mid',
      messages: [{ role: 'user', content: 'hello' }],
      stream: true,
    });
    const headers = { 'content-type': 'application/json', authorization: 'Bearer any' };
    const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
    expect(response.status).toBe(200);

    const exited = once(child, 'exit');
    if (how === 'disconnect') child.disconnect();
    else child.kill(how);
    expect(await exited).toEqual([0, null]);
    await expect(response.text()).rejects.toThrow();
  },
);
