import { readFile } from 'node:fs/promises';
import { ConfigError } from '../config/load-config.ts';
import type { Logger } from '../observability/logger.ts';
import { type ParsedRouting, parseRouting } from './parse-routing.ts';
import { noRouting, type Routing } from './routing.ts';

export interface RoutingState {
  version: string;
  loadedAtMs: number;
  /** What was wrong with the file when it was last looked at, if it is refused at present. */
  refused?: { atMs: number; faults: readonly string[] };
}

/** The routing that holds at the moment. */
export interface FollowedRouting {
  current(): Routing;
  /** Undefined without a file. */
  state(): RoutingState | undefined;
  /** Is told of every further version, one after the other. */
  onChange(listener: (routing: Routing) => void): void;
  close(): void;
}

export interface FollowOptions {
  /** Absent: no file, and nothing to follow. */
  path: string | undefined;
  log: Logger;
  /** What this process cannot do with a file that is right in itself; empty if it can. */
  check?: (routing: Routing) => string[];
  intervalMs?: number;
}

// Read from the clock and not from fs.watch, which hears nothing of a file on a network share or of the links that a
// mounted config map is changed by; and read as a whole, because such a change may keep time and size.
const usualIntervalMs = 1000;

/**
 * Reads the routing file and follows its changes. A version that cannot be used is refused, and the one before it
 * stays. Throws a ConfigError if there is none before it.
 */
export async function followRouting(options: FollowOptions): Promise<FollowedRouting> {
  const { path, log, check = () => [], intervalMs = usualIntervalMs } = options;
  if (path === undefined) {
    return { current: () => noRouting, state: () => undefined, onChange: () => undefined, close: () => undefined };
  }

  const judge = (text: string | undefined): ParsedRouting => {
    if (text === undefined) return { faults: ['the file: cannot be read'] };
    const parsed = parseRouting(text);
    if ('faults' in parsed) return parsed;
    const faults = check(parsed.routing);
    return faults.length > 0 ? { faults } : parsed;
  };

  let seen = await read(path);
  const first = judge(seen);
  if ('faults' in first) throw badRouting(path, first.faults);
  let current = first.routing;
  let state: RoutingState = { version: current.version, loadedAtMs: Date.now() };
  const listeners: ((routing: Routing) => void)[] = [];

  function take(text: string | undefined): void {
    const judged = judge(text);
    if ('faults' in judged) {
      state = { ...state, refused: { atMs: Date.now(), faults: judged.faults } };
      log.error(
        { event: 'routing_refused', faults: judged.faults, version: current.version },
        'the routing file was refused; the version before it stays',
      );
      return;
    }
    current = judged.routing;
    state = { version: current.version, loadedAtMs: Date.now() };
    log.info({ event: 'routing_reloaded', version: current.version }, 'the routing file was taken up');
    for (const listener of listeners) listener(current);
  }

  let previous = seen;
  async function look(path: string): Promise<void> {
    const text = await read(path);
    // A file that is being written is read in parts, and a part may be a file that is right: it has to read alike twice.
    const isSettled = text === previous;
    previous = text;
    if (!isSettled || text === seen) return;
    seen = text;
    take(text);
  }

  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const next = () => {
    if (!isClosed) timer = setTimeout(() => look(path).catch(reportFault).finally(next), intervalMs);
  };
  const reportFault = (error: unknown) =>
    log.error({ event: 'routing_error', err: error }, 'a change of the routing file could not be taken up');
  next();
  return {
    current: () => current,
    state: () => state,
    onChange: (listener) => listeners.push(listener),
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

const read = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined);

const badRouting = (path: string, faults: readonly string[]) =>
  new ConfigError(`Bad routing in ${path} (ROUTING_FILE):\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
