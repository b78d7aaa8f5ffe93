import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** One of our processes, running for real. */
export interface Running {
  pid: number;
  /** Where it listens, if it does. */
  url: string;
  /** Everything that it has printed so far. */
  output: () => string;
  /** The JSON lines among it. */
  logs: () => Record<string, unknown>[];
  /** Sends a signal and waits for the end of the process; gives its exit code, null after a signal. */
  stop: (signal?: NodeJS.Signals) => Promise<number | null>;
  /** Sends a signal and returns at once. */
  signal: (signal: NodeJS.Signals) => void;
  exited: () => boolean;
}

export type ProcessName = 'api' | 'worker' | 'sandbox';

const startTimeoutMs = 30_000;
const mainOf = (name: ProcessName) => fileURLToPath(new URL(`../../${name}/src/main.ts`, import.meta.url));

/** Starts a process as production does and waits until it says that it is ready. Throws with its output if it is not. */
export async function startProcess(name: ProcessName, environment: Record<string, string>): Promise<Running> {
  const child = fork(mainOf(name), {
    env: { ...inherited(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
  });
  let output = '';
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  const url = await ready(child, () => `${name} did not start:\n${output}`);
  return {
    pid: child.pid ?? 0,
    url,
    output: () => output,
    logs: () => jsonLines(output),
    signal: (signal) => child.kill(signal),
    exited: () => child.exitCode !== null || child.signalCode !== null,
    stop: (signal = 'SIGTERM') => stop(child, signal),
  };
}

/** The machine's PATH and the like, without the configuration that a developer may have set for a real gateway. */
function inherited(): Record<string, string> {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '', TZ = 'UTC' } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE, TZ };
}

async function ready(child: ChildProcess, complaint: () => string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(() => reject(new Error(complaint())), startTimeoutMs);
  child.once('exit', () => reject(new Error(complaint())));
  child.on('message', (message: { ready?: boolean; url?: string }) => {
    if (message.ready) resolve(message.url ?? '');
  });
  try {
    return await promise;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exit = once(child, 'exit');
  child.kill(signal);
  // A stopped process (SIGSTOP) does not hear SIGTERM.
  if (signal === 'SIGTERM') child.kill('SIGCONT');
  const [code] = await exit;
  return code as number | null;
}

function jsonLines(output: string): Record<string, unknown>[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Record<string, unknown>];
      } catch {
        return []; // the last line may still be on its way
      }
    });
}
