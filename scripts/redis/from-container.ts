import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { onPath } from './from-path.ts';
import type { Launch, RedisProgram, ServerPlace } from './redis-program.ts';

const run = promisify(execFile);
const image = 'redis:8-alpine';

/** A container engine that answers. The client stays attached, so the container takes our signals like a child. */
export async function fromContainer(): Promise<RedisProgram | string> {
  const reasons: string[] = [];
  for (const name of ['docker', 'podman']) {
    const engine = onPath(name);
    if (!engine) {
      reasons.push(`no ${name}`);
      continue;
    }
    try {
      await run(engine, ['info'], { timeout: 10_000 });
      return { how: `${name} ${image}`, launch: (place) => launchIn(engine, name, place) };
    } catch {
      reasons.push(`${name} is there, but its engine does not answer`);
    }
  }
  return reasons.join(', ');
}

function launchIn(engine: string, kind: string, { dir, port }: ServerPlace): Launch {
  const name = `llm-gateway-redis-${randomBytes(4).toString('hex')}`;
  return {
    command: engine,
    args: [
      ...['run', '--rm', '-i', '--name', name, '-p', `127.0.0.1:${port}:6379`, '-v', `${dir}:/data`],
      ...ownership(kind),
      ...[image, 'redis-server', '-'],
    ],
    sees: { bind: '* -::*', port: 6379, dir: '/data' },
    container: { engine, name },
  };
}

/** The files in `dir` stay ours: without this they would belong to the image's own user. */
function ownership(kind: string): string[] {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  if (!uid) return [];
  return ['--user', `${uid}:${gid}`, ...(kind === 'podman' ? ['--userns=keep-id'] : [])];
}
