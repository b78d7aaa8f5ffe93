import { expect, test } from 'vitest';
import { createRestartPolicy } from '../start/restart-policy.ts';
import { keepServer, type MortalServer } from './keep-server.ts';

function setUp({ comesBack = true } = {}) {
  const servers: { die(how: string): void; isStopped: boolean }[] = [];
  const said: string[] = [];
  const givenUp: string[] = [];
  const make = (): MortalServer => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const server = { die: resolve, isStopped: false };
    servers.push(server);
    const stop = async () => {
      server.isStopped = true;
      resolve('SIGTERM');
    };
    return { url: 'redis://one', how: 'by hand', version: '7.4.0', whenEnded: () => promise, stop };
  };
  const kept = keepServer(make(), {
    name: 'Redis',
    startAgain: async () => {
      if (!comesBack) throw new Error('the port\nis taken');
      return make();
    },
    say: (line) => said.push(line),
    onGivenUp: (reason) => givenUp.push(reason),
    policy: createRestartPolicy({ firstDelayMs: 1 }),
  });
  return { kept, servers, said, givenUp };
}

test('a server that ends is told of and started again', async () => {
  const { servers, said } = setUp();
  servers[0]?.die('SIGKILL');
  await expect.poll(() => servers.length).toBe(2);
  expect(said[0]).toBe('Redis ended unexpectedly (SIGKILL): starting it again in 1 ms');
  servers[1]?.die('SIGKILL');
  await expect.poll(() => servers.length).toBe(3);
});

test('one that ends for the sixth time within a minute is given up', async () => {
  const { servers, givenUp } = setUp();
  for (let deaths = 1; deaths <= 6; deaths += 1) {
    await expect.poll(() => servers.length).toBe(deaths);
    servers[deaths - 1]?.die('exit code 1');
  }
  await expect.poll(() => givenUp).toEqual(['Redis does not stay up (last: it ended unexpectedly (exit code 1))']);
  expect(servers).toHaveLength(6);
});

test('one that does not come back is tried as often', async () => {
  const { servers, said, givenUp } = setUp({ comesBack: false });
  servers[0]?.die('SIGKILL');
  await expect.poll(() => givenUp).toHaveLength(1);
  expect(said).toHaveLength(5);
  expect(said.at(-1)).toContain('Redis did not start (the port is taken)');
});

test('one that is stopped stays down, and it is the current one that is stopped', async () => {
  const { kept, servers, said } = setUp();
  servers[0]?.die('SIGKILL');
  await expect.poll(() => said.at(-1)).toContain('Redis is back');
  await kept.stop();
  expect(servers.map(({ isStopped }) => isStopped)).toEqual([false, true]);
  expect(said).toHaveLength(2);
});
