import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLineOf, endProcess } from '../processes.ts';
import { prepareDataDir } from './data-dir.ts';

interface Claim {
  pid: number;
  processes: { name: string; script: string; pid: number }[];
}

export interface DataDirClaim {
  /** Written down for the next start, which has to end what we could not. */
  record(processes: Claim['processes']): void;
  release(): void;
}

const leftoverDeadlineMs = 10_000;

/** One gateway per data folder. Ends the processes of an earlier start that was killed before it could do so itself. */
export async function claimDataDir(dataDir: string, say: (line: string) => void): Promise<DataDirClaim> {
  prepareDataDir(dataDir);
  const file = join(dataDir, 'supervisor.json');
  const earlier = readClaim(file);
  if (earlier && commandLineOf(earlier.pid)?.includes('start.ts')) {
    throw new Error(
      `The gateway of ${dataDir} is running already (pid ${earlier.pid}). Stop it, or set PORT and DATA_DIR for a second one.`,
    );
  }
  await Promise.all((earlier?.processes ?? []).map((left) => endLeftover(left, say)));
  const record = (processes: Claim['processes']) => {
    writeFileSync(file, JSON.stringify({ pid: process.pid, processes } satisfies Claim), { mode: 0o600 });
  };
  record([]);
  return { record, release: () => rmSync(file, { force: true }) };
}

function readClaim(file: string): Claim | undefined {
  if (!existsSync(file)) return;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Claim;
  } catch {
    return; // its writer was killed in the middle of it
  }
}

async function endLeftover({ name, script, pid }: Claim['processes'][number], say: (line: string) => void) {
  if (!commandLineOf(pid)?.includes(script)) return;
  say(`ending ${name} (pid ${pid}), left by an earlier start`);
  await endProcess(pid, leftoverDeadlineMs);
}
