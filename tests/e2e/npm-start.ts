import { type ChildProcess, spawn } from 'node:child_process';
import { globSync, readFileSync, readlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import { freePort } from '../../scripts/free-port.ts';

const root = resolve(import.meta.dirname, '../..');

/** `npm start` in a process group of its own, as a terminal would run it. */
export interface NpmStart {
  url: string;
  /** Everything printed so far. */
  printed(): string;
  ready(): Promise<void>;
  /** Ctrl-C: SIGINT to everybody in the group, once; the exit code, or the signal that npm's shell passes on. */
  ctrlC(): Promise<number | NodeJS.Signals>;
  exit: Promise<number | NodeJS.Signals>;
}

export async function npmStart(dataDir: string, env: NodeJS.ProcessEnv = {}): Promise<NpmStart> {
  const port = env.PORT ?? String(await freePort());
  const child = spawn('npm', ['start', '--silent'], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      // Set and empty: unset, and no .env of this checkout may fill them.
      ...{
        REDIS_URL: '',
        DATABASE_URL: '',
        OPENAI_API_KEY: '',
        ANTHROPIC_API_KEY: '',
        ADMIN_API_KEY: '',
        SANDBOX_URL: '',
      },
      ...{ HOST: '127.0.0.1', PORT: port, DATA_DIR: dataDir, LOG_TO: 'file' },
      ...env,
    },
  });
  const printed = collectOutput(child);
  const exit = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? code ?? 0));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    printed,
    async ready() {
      const done = exit.then((code) => Promise.reject(new Error(`ended with ${code}:\n${printed()}`)));
      const listening = expect.poll(printed, { timeout: 90_000, interval: 50 }).toContain('Ctrl-C stops everything');
      await Promise.race([listening, done]);
    },
    ctrlC() {
      if (child.pid && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGINT');
      return exit;
    },
    exit,
  };
}

function collectOutput(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk;
    });
  }
  return () => text;
}

/**
 * The command lines of all processes that were started, directly or not, with this data folder. Redis writes its
 * title over its environment, and Postgres is given none, but both work in their folder.
 */
export function processesOf(dataDir: string): string[] {
  return globSync('/proc/[0-9]*').flatMap((process) => {
    try {
      const environment = readFileSync(join(process, 'environ'), 'utf8').split('\0');
      const isOurs =
        environment.includes(`DATA_DIR=${dataDir}`) || readlinkSync(join(process, 'cwd')).startsWith(dataDir);
      if (!isOurs) return [];
      return readFileSync(join(process, 'cmdline'), 'utf8').replaceAll('\0', ' ').trim() || [];
    } catch {
      return []; // it has just ended
    }
  });
}

interface Claim {
  pid: number;
  processes: { name: string; pid: number }[];
}

/** What the supervisor has written down about itself and its processes. */
export function claimOf(dataDir: string): { supervisor: number; pidOf(name: string): number | undefined } {
  const { pid, processes } = JSON.parse(readFileSync(join(dataDir, 'supervisor.json'), 'utf8')) as Claim;
  return { supervisor: pid, pidOf: (name) => processes.find((one) => one.name === name)?.pid };
}
