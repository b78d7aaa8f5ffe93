import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the next start must know to find the server of this folder again. Holds the password: readable to us only. */
export interface ServerState {
  password: string;
  port: number;
  pid: number;
  container?: { engine: string; name: string };
}

const fileIn = (dir: string) => join(dir, 'server.json');

export function readServerState(dir: string): ServerState | undefined {
  if (!existsSync(fileIn(dir))) return;
  try {
    return JSON.parse(readFileSync(fileIn(dir), 'utf8')) as ServerState;
  } catch {
    return; // written half by a process that was killed: the data beside it is still good
  }
}

export function writeServerState(dir: string, state: ServerState): void {
  mkdirSync(dir, { recursive: true });
  writeFileSync(fileIn(dir), `${JSON.stringify(state)}\n`, { mode: 0o600 });
  chmodSync(fileIn(dir), 0o600);
}
