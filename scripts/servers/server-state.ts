import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Launch } from './server-program.ts';

/** What the next start must know to find the server of this folder again. Holds the password: readable to us only. */
export interface ServerState extends Pick<Launch, 'container' | 'home'> {
  password: string;
  port: number;
  /** 0 as long as the server has not been started. */
  pid: number;
}

const fileIn = (dir: string) => join(dir, 'server.json');

export function readServerState(dir: string): ServerState | undefined {
  if (!existsSync(fileIn(dir))) return;
  try {
    return JSON.parse(readFileSync(fileIn(dir), 'utf8')) as ServerState;
  } catch {
    return; // spoilt by hand or by a full disk: the data beside it is still good
  }
}

/** Whole or not at all, also when we are killed in the middle: a password that is lost locks the data. */
export function writeServerState(dir: string, state: ServerState): void {
  mkdirSync(dir, { recursive: true });
  const part = `${fileIn(dir)}.${process.pid}.part`;
  writeFileSync(part, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(part, fileIn(dir));
}
