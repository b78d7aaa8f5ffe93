import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** What a process was started as; undefined when it is gone. A pid alone proves nothing: pids are used again. */
export function commandLineOf(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return;
  if (existsSync('/proc/self/cmdline')) {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || undefined;
    } catch {
      return;
    }
  }
  const listed = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return listed.stdout?.trim() || undefined;
}

/** Sends a signal; false when there is nobody to take it. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

export async function waitUntil(holds: () => boolean, deadlineMs: number): Promise<boolean> {
  const deadline = Date.now() + deadlineMs;
  while (!holds()) {
    if (Date.now() >= deadline) return false;
    await new Promise((next) => setTimeout(next, 25));
  }
  return true;
}

/** Asks a process that is not our child to leave, and makes it leave when the deadline has passed. */
export async function endProcess(pid: number, deadlineMs: number): Promise<void> {
  const gone = () => commandLineOf(pid) === undefined;
  sendSignal(pid, 'SIGTERM');
  if (await waitUntil(gone, deadlineMs)) return;
  sendSignal(pid, 'SIGKILL');
  await waitUntil(gone, 2_000);
}
