import type { DataDirClaim } from './data-dir-claim.ts';
import type { ManagedProcess } from './managed-process.ts';

export interface Supervisor {
  /** Takes charge of a process from its first moment, so that a stop in mid-start leaves nothing behind. */
  add(stage: Stage, managed: ManagedProcess): ManagedProcess;
  /** Writes down which processes run now: one that was started again has another pid. */
  record(): void;
  /** Takes charge of a server that all processes lean on, and gives it back. */
  stopsWith<Server extends StoppableServer>(server: Server): Server;
  stop(code: number): Promise<void>;
  /** Something the gateway cannot do without keeps ending. */
  giveUp(reason: string): void;
  isStopping(): boolean;
}

interface StoppableServer {
  stop(): Promise<void>;
}

/** The order in which things stop: who takes work first, who does it next, what they lean on last. */
const stages = ['api', 'worker', 'sandbox'] as const;
type Stage = (typeof stages)[number];

/** One Ctrl-C arrives more than once: from the terminal, through npm and through run.mjs. */
const echoMs = 1_000;

export interface SupervisorOptions {
  claim: DataDirClaim;
  /** What api and worker each may take to finish what they have begun. */
  drainMs: number;
  say(line: string): void;
}

export function createSupervisor({ claim, drainMs, say }: SupervisorOptions): Supervisor {
  const processes: { stage: Stage; managed: ManagedProcess }[] = [];
  const servers: StoppableServer[] = [];
  let stoppingSince: number | undefined;

  const record = () =>
    claim.record(processes.flatMap(({ managed: { name, script, pid } }) => ({ name, script, pid: pid() ?? 0 })));

  async function stop(code: number): Promise<void> {
    if (stoppingSince !== undefined) return;
    stoppingSince = Date.now();
    for (const stage of stages) {
      await Promise.all(processes.filter((one) => one.stage === stage).map(({ managed }) => managed.stop()));
    }
    await Promise.all(servers.map((server) => server.stop()));
    claim.release();
    process.exit(code); // a server that is only just starting is ended by its own exit hook
  }

  function onSignal(): void {
    if (stoppingSince === undefined) {
      // The workers drain after the api: what it has taken may still need them.
      const seconds = Math.ceil((2 * drainMs) / 1_000);
      say(`stopping: running calls may finish, for up to ${seconds} s (Ctrl-C again stops at once)`);
      void stop(0);
    } else if (Date.now() - stoppingSince > echoMs) {
      say('stopping at once');
      for (const { managed } of processes) managed.killNow();
      process.exit(130);
    }
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);

  return {
    add(stage, managed) {
      processes.push({ stage, managed });
      record();
      return managed;
    },
    record,
    stopsWith(server) {
      servers.push(server);
      return server;
    },
    stop,
    giveUp(reason) {
      if (stoppingSince !== undefined) return;
      console.error(`\n${reason}: stopping everything\n`);
      void stop(1);
    },
    isStopping: () => stoppingSince !== undefined,
  };
}
