import type { ServerProgram } from '../servers/server-program.ts';

interface RedisPlace {
  bind: string;
  port: number;
  dir: string;
}

/** What a server reads from stdin. The place is as the server sees it, which in a container is another one than ours. */
export function configuration({ bind, port, dir }: RedisPlace, password: string): string {
  return `bind ${bind}
port ${port}
dir ${JSON.stringify(dir)}
requirepass ${password}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
`;
}

/** A server binary run as a child of ours. */
export function binaryProgram(how: string, command: string, env?: NodeJS.ProcessEnv): ServerProgram {
  return {
    how,
    launch: ({ dir, port, password }) => ({
      command,
      args: ['-'],
      ...(env ? { env } : {}),
      input: configuration({ bind: '127.0.0.1', port, dir }, password),
    }),
  };
}
