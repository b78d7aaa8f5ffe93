import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLineOf, endProcess, sendSignal, waitUntil } from '../processes.ts';
import { askServer, isSupported, type ServerFacts, tooOld } from './ask-server.ts';
import type { Launch, RedisProgram, RedisServer, ServerPlace } from './redis-program.ts';
import { readServerState, type ServerState, writeServerState } from './server-state.ts';

/** A server of our own. `kill` is for fault tests: what it does to the server is seen by everybody who uses it. */
export interface PrivateServer extends RedisServer {
  port: number;
  pid: number;
  /** How it ended, whoever ended it. */
  whenEnded(): Promise<string>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

const startDeadlineMs = 60_000;
const stopDeadlineMs = 5_000;
const adoptedPollMs = 250;
const fatalSignals: NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT'];

const urlOf = ({ password, port }: ServerState): string => `redis://:${password}@127.0.0.1:${port}`;

/** The server an earlier start left running on this folder, if it still answers to its password. */
export async function adoptServer(dir: string): Promise<PrivateServer | undefined> {
  const state = readServerState(dir);
  if (!state) return;
  if (state.container && commandLineOf(state.pid) === undefined) {
    removeContainer(state); // its client is dead: nobody could tell when it ends
    return;
  }
  try {
    const facts = await askServer(urlOf(state));
    const how = `left running by an earlier start, pid ${state.pid}`;
    return serverFrom({ state, facts, how, whenEnded: () => untilGone(state) });
  } catch {
    // Two servers on one append-only file would ruin it: what does not answer but lives must go first.
    if (commandLineOf(state.pid)?.includes(`:${state.port}`)) await endProcess(state.pid, stopDeadlineMs);
    return;
  }
}

export async function startServer(program: RedisProgram, place: ServerPlace): Promise<PrivateServer> {
  mkdirSync(place.dir, { recursive: true, mode: 0o700 });
  const password = readServerState(place.dir)?.password ?? randomBytes(24).toString('base64url');
  const launch = program.launch(place);
  const child = spawnServer(launch, place.dir, password);
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  if (child.pid) endWithUs.add(child.pid);
  const state: ServerState = {
    password,
    port: place.port,
    pid: child.pid ?? 0,
    ...(launch.container ? { container: launch.container } : {}),
  };
  try {
    const facts = await untilReady(child, urlOf(state), place.dir);
    if (!isSupported(facts.version)) throw new Error(tooOld(facts.version));
    writeServerState(place.dir, state);
    return serverFrom({ state, facts, how: program.how, whenEnded: () => ended });
  } catch (error) {
    child.kill('SIGKILL');
    endWithUs.delete(state.pid);
    removeContainer(state);
    throw error;
  }
}

/** In a process group of its own, so that Ctrl-C in the terminal reaches the gateway before its store. */
function spawnServer(launch: Launch, dir: string, password: string): ChildProcess {
  const log = openSync(join(dir, 'redis.log'), 'w');
  const child = spawn(launch.command, launch.args, {
    env: launch.env ?? process.env,
    detached: true,
    stdio: ['pipe', log, log],
  });
  closeSync(log);
  child.on('error', () => {}); // said by untilReady, which sees a child without a pid
  child.stdin?.on('error', () => {}); // a server that dies before it has read its configuration
  child.stdin?.end(configuration(launch.sees, password));
  child.unref();
  return child;
}

function configuration({ bind, port, dir }: Launch['sees'], password: string): string {
  return `bind ${bind}
port ${port}
dir ${JSON.stringify(dir)}
requirepass ${password}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
`;
}

async function untilReady(child: ChildProcess, url: string, dir: string): Promise<ServerFacts> {
  const deadline = Date.now() + startDeadlineMs;
  while (child.pid && child.exitCode === null && child.signalCode === null && Date.now() < deadline) {
    const facts = await askServer(url).catch(() => undefined);
    if (facts && !facts.loading) return facts;
    await new Promise((next) => setTimeout(next, 20));
  }
  const said = readFileSync(join(dir, 'redis.log'), 'utf8').trim().split('\n').slice(-3).join(' | ');
  throw new Error(child.pid ? `${child.spawnfile} did not start: ${said}` : `${child.spawnfile} cannot be run`);
}

/** No child of ours, so no event tells of its end. A running server shows its port in its command line. */
async function untilGone({ pid, port }: ServerState): Promise<string> {
  while (commandLineOf(pid)?.includes(`:${port}`)) {
    await new Promise((next) => setTimeout(next, adoptedPollMs).unref());
  }
  return `pid ${pid} is gone`;
}

interface RunningServer {
  state: ServerState;
  facts: ServerFacts;
  how: string;
  whenEnded(): Promise<string>;
}

function serverFrom({ state, facts, how, whenEnded }: RunningServer): PrivateServer {
  const { pid } = state;
  const gone = () => commandLineOf(pid) === undefined;
  endWithUs.add(pid);
  return {
    url: urlOf(state),
    how,
    version: facts.version,
    port: state.port,
    pid,
    async whenEnded() {
      const ending = await whenEnded();
      endWithUs.delete(pid); // the number may be somebody else's soon
      return ending;
    },
    async stop() {
      endWithUs.delete(pid);
      await endProcess(pid, stopDeadlineMs);
      removeContainer(state);
    },
    async kill(signal) {
      sendSignal(pid, signal);
      if (!fatalSignals.includes(signal)) return;
      await waitUntil(gone, stopDeadlineMs);
      endWithUs.delete(pid);
      removeContainer(state);
    },
  };
}

function removeContainer({ container }: ServerState): void {
  if (container) spawnSync(container.engine, ['rm', '-f', container.name], { stdio: 'ignore', timeout: 15_000 });
}

/** Servers to end when this process ends without having stopped them, as after an uncaught error. */
const endWithUs = new Set<number>();
process.once('exit', () => {
  for (const pid of endWithUs) sendSignal(pid, 'SIGTERM');
});
