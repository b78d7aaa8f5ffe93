import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { onPath } from './on-path.ts';
import type { Launch } from './server-program.ts';

const run = promisify(execFile);

interface Engine {
  kind: string;
  command: string;
}

/** A container engine that answers, or why there is none. */
export async function findEngine(): Promise<Engine | string> {
  const reasons: string[] = [];
  for (const kind of ['docker', 'podman']) {
    const command = onPath(kind);
    if (!command) {
      reasons.push(`no ${kind}`);
      continue;
    }
    try {
      await run(command, ['info'], { timeout: 10_000 });
      return { kind, command };
    } catch {
      reasons.push(`${kind} is there, but its engine does not answer`);
    }
  }
  return reasons.join(', ');
}

interface ContainerPlan {
  /** Of the name of the container, for people who list them. */
  label: string;
  /** The port we reach, and the one inside. */
  ports: [ours: number, theirs: number];
  /** The folder of ours, and what it is called inside. */
  volume: [ours: string, theirs: string];
  /** Names of variables that are passed on from our environment: their values are not shown by `ps`. */
  variables?: string[];
  image: string;
  command: string[];
}

/** The client stays attached, so the container takes our signals like a child. */
export function launchContainer(engine: Engine, plan: ContainerPlan): Launch {
  const name = `llm-gateway-${plan.label}-${randomBytes(4).toString('hex')}`;
  return {
    command: engine.command,
    args: [
      ...['run', '--rm', '-i', '--name', name],
      ...['-p', `127.0.0.1:${plan.ports.join(':')}`, '-v', plan.volume.join(':')],
      ...(plan.variables ?? []).flatMap((variable) => ['-e', variable]),
      ...ownership(engine.kind),
      ...[plan.image, ...plan.command],
    ],
    container: { engine: engine.command, name },
  };
}

/** The files in the volume stay ours: without this they would belong to the image's own user. */
function ownership(kind: string): string[] {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  if (!uid) return [];
  return ['--user', `${uid}:${gid}`, ...(kind === 'podman' ? ['--userns=keep-id'] : [])];
}
