import { createRestartPolicy, type RestartPolicy } from '../start/restart-policy.ts';
import type { Server } from './server-program.ts';

/** A server whose end somebody notices. */
export interface MortalServer extends Server {
  whenEnded(): Promise<string>;
}

/** What is told of a server that ends while the gateway runs. */
export interface Keeper {
  say(line: string): void;
  /** It ended too often: the gateway cannot go on without it. */
  onGivenUp(reason: string): void;
}

export interface KeeperOptions extends Keeper {
  /** What it is called in what is said. */
  name: string;
  /** Must bring it back where it was: its clients know one address and one password. */
  startAgain(): Promise<MortalServer>;
  policy?: RestartPolicy;
}

/** The same server, started again whenever it ends before it is stopped. Its clients reconnect by themselves. */
export function keepServer(first: MortalServer, options: KeeperOptions): Server {
  const { name, startAgain, say, onGivenUp, policy = createRestartPolicy() } = options;
  let current: MortalServer | undefined = first;
  let restart: NodeJS.Timeout | undefined;
  let stopping = false;

  const watch = async (server: MortalServer) => {
    const how = await server.whenEnded();
    if (current === server) current = undefined;
    onEnd(`ended unexpectedly (${how})`);
  };
  const onEnd = (what: string) => {
    if (stopping) return;
    const delayMs = policy.afterCrash(Date.now());
    if (delayMs === undefined) return onGivenUp(`${name} does not stay up (last: it ${what})`);
    say(`${name} ${what}: starting it again in ${delayMs} ms`);
    restart = setTimeout(() => startAgain().then(take, didNotStart), delayMs);
  };
  const didNotStart = (error: Error) => onEnd(`did not start (${error.message.replace(/\s+/g, ' ')})`);
  const take = async (server: MortalServer) => {
    if (stopping) return server.stop();
    current = server;
    say(`${name} is back, ${server.how}`);
    await watch(server);
  };

  void watch(first);
  return {
    url: first.url,
    how: first.how,
    version: first.version,
    ...(first.warning ? { warning: first.warning } : {}),
    async stop() {
      stopping = true;
      clearTimeout(restart);
      await current?.stop();
    },
  };
}
