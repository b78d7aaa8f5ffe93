/** What the search ends with, whoever runs the server. */
export interface RedisServer {
  url: string;
  how: string;
  version: string;
  stop(): Promise<void>;
}

/** Where a private server keeps its data and which loopback port it is reached at. */
export interface ServerPlace {
  dir: string;
  port: number;
}

/** One start of a server: the command to run, and what the server itself must be told about its place. */
export interface Launch {
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  sees: { bind: string; port: number; dir: string };
  /** Set when the server lives in a container: it outlives its client process and is stopped by name. */
  container?: { engine: string; name: string };
}

/** A way to run a Redis server on this machine. */
export interface RedisProgram {
  how: string;
  launch(place: ServerPlace): Launch;
}

/** A leg of the search: a program, or the reason why there is none. */
export type Leg = () => RedisProgram | string | Promise<RedisProgram | string>;

/** A server binary run as a child reads its configuration from stdin, where `ps` shows no password. */
export function binaryProgram(how: string, command: string, env?: NodeJS.ProcessEnv): RedisProgram {
  return {
    how,
    launch: ({ dir, port }) => ({
      command,
      args: ['-'],
      ...(env ? { env } : {}),
      sees: { bind: '127.0.0.1', port, dir },
    }),
  };
}
