import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLineOf, endProcess, sendSignal, untilGone } from '../processes.ts';
import type { MortalServer } from './keep-server.ts';
import type { Launch, ServerPlace, ServerProgram } from './server-program.ts';
import { readServerState, type ServerState, writeServerState } from './server-state.ts';

/** A server of our own. `kill` is for fault tests: what it does to the server is seen by everybody who uses it. */
export interface PrivateServer extends MortalServer {
  port: number;
  pid: number;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** What one kind of server has of its own; all else is the same for every server that we run. */
export interface ServerKind {
  name: string;
  logFile: string;
  stopSignal: NodeJS.Signals;
  urlOf(state: ServerState): string;
  /** Rejects as long as nobody answers there to our password. */
  ask(state: ServerState): Promise<ServerFacts>;
  /** What is wrong with a version, if something is. */
  faultOf(version: string): string | undefined;
}

export interface ServerFacts {
  version: string;
  /** It answers, but cannot be used yet. */
  loading: boolean;
}

const startDeadlineMs = 60_000;
/** A server that is killed for want of time loses nothing it has promised to keep. */
const stopDeadlineMs = 5_000;
const adoptedPollMs = 250;
const fatalSignals: NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGQUIT'];

/** The server an earlier start left running on this folder, if it still answers to its password. */
export async function adoptServer(kind: ServerKind, dir: string): Promise<PrivateServer | undefined> {
  const state = readServerState(dir);
  if (!state) return undefined;
  if (!isRunning(state)) {
    removeContainer(state); // its client is dead: nobody could tell when it ends
    return undefined;
  }
  const facts = await untilReady(kind, state, () => isRunning(state), { asksOnce: true });
  if (facts) {
    const how = `left running by an earlier start, pid ${state.pid}`;
    return serverFrom(kind, { state, facts, how, whenEnded: () => whenGone(state) });
  }
  // Two servers on the same files would ruin them: what does not answer but lives must go first.
  await endProcess(state.pid, stopDeadlineMs, kind.stopSignal);
  removeContainer(state);
  return undefined;
}

/** Starts a server on a folder, with the password it had there before. */
export async function startServer(
  kind: ServerKind,
  program: ServerProgram,
  { dir, port }: Omit<ServerPlace, 'password'>,
): Promise<PrivateServer> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const password = readServerState(dir)?.password ?? randomBytes(24).toString('base64url');
  const launch = await program.launch({ dir, port, password });
  const log = join(dir, kind.logFile);
  const child = spawnServer(launch, log);
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const { container, home } = launch;
  const state: ServerState = {
    ...{ password, port, pid: child.pid ?? 0 },
    ...(container ? { container } : {}),
    ...(home ? { home } : {}),
  };
  if (child.pid) endWithUs.set(child.pid, kind.stopSignal);
  // Before it is ready: should we be killed meanwhile, the next start must find it all the same.
  writeServerState(dir, state);
  try {
    const isAlive = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
    const facts = await untilReady(kind, state, isAlive);
    if (!facts) throw new Error(child.pid ? `it did not start: ${lastWords(log)}` : `${launch.command} cannot be run`);
    const fault = kind.faultOf(facts.version);
    if (fault) throw new Error(fault);
    return serverFrom(kind, { state, facts, how: program.how, whenEnded: () => ended });
  } catch (error) {
    child.kill('SIGKILL');
    endWithUs.delete(state.pid);
    removeContainer(state);
    throw error;
  }
}

/** In a process group of its own, so that Ctrl-C in the terminal reaches the gateway before its store. */
function spawnServer(launch: Launch, logFile: string): ChildProcess {
  const log = openSync(logFile, 'w', 0o600);
  const child = spawn(launch.command, launch.args, {
    env: launch.env ?? process.env,
    detached: true,
    stdio: ['pipe', log, log],
    ...(launch.cwd ? { cwd: launch.cwd } : {}),
    ...launch.user,
  });
  closeSync(log);
  child.on('error', () => {}); // seen by startServer as a child without a pid
  child.stdin?.on('error', () => {}); // a server that dies before it has read its configuration
  child.stdin?.end(launch.input ?? '');
  child.unref();
  return child;
}

/** What it says of itself once it can be used; undefined when it ends first, or takes too long. */
async function untilReady(
  kind: ServerKind,
  state: ServerState,
  isAlive: () => boolean,
  { asksOnce = false } = {},
): Promise<ServerFacts | undefined> {
  const deadline = Date.now() + startDeadlineMs;
  while (isAlive() && Date.now() < deadline) {
    const facts = await kind.ask(state).catch(() => undefined);
    if (facts && !facts.loading) return facts;
    if (!facts && asksOnce) return undefined;
    await new Promise((next) => setTimeout(next, 20));
  }
  return undefined;
}

const lastWords = (log: string): string => readFileSync(log, 'utf8').trim().split('\n').slice(-3).join(' | ');

/** A running server, or the client of its container, shows its port in its command line. */
const isRunning = ({ pid, port }: ServerState): boolean => new RegExp(`[: ]${port}\\b`).test(commandLineOf(pid) ?? '');

/** No child of ours, so no event tells of its end. */
async function whenGone(state: ServerState): Promise<string> {
  while (isRunning(state)) {
    await new Promise((next) => setTimeout(next, adoptedPollMs).unref());
  }
  return `pid ${state.pid} is gone`;
}

interface RunningServer {
  state: ServerState;
  facts: ServerFacts;
  how: string;
  whenEnded(): Promise<string>;
}

function serverFrom(kind: ServerKind, { state, facts, how, whenEnded }: RunningServer): PrivateServer {
  const { pid } = state;
  endWithUs.set(pid, kind.stopSignal);
  return {
    url: kind.urlOf(state),
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
      await endProcess(pid, stopDeadlineMs, kind.stopSignal);
      removeContainer(state);
    },
    async kill(signal) {
      sendSignal(pid, signal);
      if (!fatalSignals.includes(signal)) return;
      await untilGone(pid, stopDeadlineMs);
      endWithUs.delete(pid);
      removeContainer(state);
    },
  };
}

function removeContainer({ container }: ServerState): void {
  if (container) spawnSync(container.engine, ['rm', '-f', container.name], { stdio: 'ignore', timeout: 15_000 });
}

/** Servers to end when this process ends without having stopped them, as after an uncaught error. */
const endWithUs = new Map<number, NodeJS.Signals>();
process.once('exit', () => {
  for (const [pid, signal] of endWithUs) sendSignal(pid, signal);
});
