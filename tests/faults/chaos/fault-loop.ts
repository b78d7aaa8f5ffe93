import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '@llm-gateway/testkit/random';
import type { Gateway } from '@llm-gateway/testkit/start-gateway';
import type { Running } from '@llm-gateway/testkit/start-process';
import type { Redis } from 'ioredis';

export interface FaultLog {
  /** What was done, in order. */
  faults: string[];
  /** Every process that ever ran, for what it printed. */
  processes: Running[];
  /** Exit codes of those that were told to stop. */
  exitCodes: (number | null)[];
}

type Role = 'api' | 'worker';

/** Past its lock (2 s) a frozen worker has lost its jobs to others; an api is frozen for less than a client waits. */
const frozenMs = { api: [300, 2500], worker: [1500, 4000] } as const;

/** Does one harm after the other until it is told to stop, and makes each good again before it ends. */
export async function harm(
  gateway: Gateway,
  admin: Redis,
  random: Random,
  log: FaultLog,
  isOver: () => boolean,
): Promise<void> {
  const running = { api: gateway.apis, worker: gateway.workers };
  const start = async (role: Role) =>
    log.processes.push(await (role === 'api' ? gateway.startApi() : gateway.startWorker()));

  async function end(role: Role, signal: 'SIGKILL' | 'SIGTERM') {
    const [victim] = running[role].splice(random.between(0, running[role].length - 1), 1);
    if (!victim) return;
    const ended = victim.stop(signal);
    if (signal === 'SIGKILL') await ended;
    const [code] = await Promise.all([ended, start(role)]);
    if (signal === 'SIGTERM') log.exitCodes.push(code);
  }

  async function freeze(role: Role) {
    const victim = random.pick(running[role]);
    victim.signal('SIGSTOP');
    const [from, to] = frozenMs[role];
    await pause(random.between(from, to));
    victim.signal('SIGCONT');
  }

  const harms: [string, () => Promise<unknown>][] = [
    ['api SIGKILL', () => end('api', 'SIGKILL')],
    ['api SIGTERM', () => end('api', 'SIGTERM')],
    ['api SIGSTOP', () => freeze('api')],
    ['worker SIGKILL', () => end('worker', 'SIGKILL')],
    ['worker SIGTERM', () => end('worker', 'SIGTERM')],
    ['worker SIGSTOP', () => freeze('worker')],
    ['CLIENT KILL normal', () => admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')],
    ['CLIENT KILL pubsub', () => admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')],
  ];
  while (!isOver()) {
    const [name, act] = random.pick(harms);
    log.faults.push(name);
    await act();
    await pause(random.between(50, 400));
  }
}
