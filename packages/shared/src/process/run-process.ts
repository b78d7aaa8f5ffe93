import { ConfigError } from '../config/load-config.ts';

/** A process that serves until it is told to stop. */
export interface Running {
  url?: string;
  /** Drains and ends within a time of its own. */
  close(): Promise<void>;
}

/**
 * Runs a process from start to end: tells a supervisor when it is ready, and drains on SIGTERM, on Ctrl-C and when
 * the supervisor dies (its channel closes), so that none is left behind. A bad start ends with the reason and code 1.
 */
export async function runProcess(start: () => Promise<Running>): Promise<void> {
  const running = await start().catch((error: unknown) => {
    // A stack trace helps nobody who misspelt a variable.
    console.error(error instanceof ConfigError ? error.message : error);
    process.exit(1);
  });
  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    await running.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  process.on('disconnect', stop);
  process.send?.({ ready: true, url: running.url });
}
