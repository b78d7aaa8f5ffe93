import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { adoptServer, type PrivateServer, type ServerKind, startServer } from './private-server.ts';
import type { Leg } from './server-program.ts';

interface PrivateServerOptions {
  /** Data, state and log of this server, as an absolute path; starting again on the same folder keeps all of them. */
  dir: string;
  port?: number | undefined;
  /** Tried in this order. */
  legs: Leg[];
  /** What the operator can do when no leg bears. */
  advice: string[];
}

/** Starts a server of our own on `dir`, or takes over the one an earlier start left running there. */
export async function startPrivate(kind: ServerKind, options: PrivateServerOptions): Promise<PrivateServer> {
  const { dir, port, legs, advice } = options;
  const left = await adoptServer(kind, dir);
  if (left) return left;
  const tried: string[] = [];
  for (const leg of legs) {
    const program = await leg();
    if (typeof program === 'string') {
      tried.push(program);
      continue;
    }
    try {
      return await startServer(kind, program, { dir, port: port ?? (await freePort()) });
    } catch (error) {
      tried.push(`${program.how}: ${(error as Error).message} (log: ${join(dir, kind.logFile)})`);
    }
  }
  throw new Error(`No ${kind.name} found and none could be started. Tried:
${tried.map((reason) => `  - ${reason}`).join('\n')}
Do one of these and start again:
${advice.map((line) => `  - ${line}`).join('\n')}`);
}
