/** What the search for a server ends with, whoever runs it. */
export interface Server {
  url: string;
  how: string;
  version: string;
  /** What the operator should know and mend. */
  warning?: string;
  stop(): Promise<void>;
}

/** Where a private server keeps its data, which loopback port it is reached at, and the password it asks for. */
export interface ServerPlace {
  dir: string;
  port: number;
  password: string;
}

/** One start of a server: the command to run, and what must be remembered of it beyond its pid. */
export interface Launch {
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Who it runs as, when not as we do. */
  user?: { uid: number; gid: number };
  /** What it reads from stdin, where `ps` shows no password. */
  input?: string;
  /** Set when the server lives in a container: it outlives its client process and is stopped by name. */
  container?: { engine: string; name: string };
  /** Set when the data is in another folder than the one it was given. */
  home?: string;
}

/** A way to run a server on this machine. `launch` may take its time: a first start makes a data folder. */
export interface ServerProgram {
  how: string;
  launch(place: ServerPlace): Launch | Promise<Launch>;
}

/** A leg of the search: a program, or the reason why there is none. */
export type Leg = () => ServerProgram | string | Promise<ServerProgram | string>;
