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

async function waitUntil(holds: () => boolean, deadlineMs: number): Promise<boolean> {
  const deadline = Date.now() + deadlineMs;
  while (!holds()) {
    if (Date.now() >= deadline) return false;
    await new Promise((next) => setTimeout(next, 25));
  }
  return true;
}

/** Waits for the end of a process; false when it is still there after the deadline. */
export async function untilGone(pid: number, deadlineMs: number): Promise<boolean> {
  if (!(await waitUntil(() => commandLineOf(pid) === undefined, deadlineMs))) return false;
  // Until its parent has taken notice the pid counts as alive, and not every parent ever does.
  await waitUntil(() => !exists(pid), 500);
  return true;
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Asks a process that is not our child to leave, and makes it leave when the deadline has passed. */
export async function endProcess(pid: number, deadlineMs: number, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  sendSignal(pid, signal);
  if (await untilGone(pid, deadlineMs)) return;
  sendSignal(pid, 'SIGKILL');
  await untilGone(pid, 2_000);
}
