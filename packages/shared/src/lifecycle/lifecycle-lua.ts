import { logLua } from '../event-log/log-entry.ts';
import { limitsLua } from '../limits/limits-lua.ts';
import { loadLua } from '../redis/define-script.ts';
import type { Keys } from '../redis/keys.ts';
import { brokenOff } from './broken-off.ts';
import { bullPriorityMax } from './fair-queue.ts';
import { stopReasons } from './stop-reasons.ts';

const lua = (file: string) => loadLua(import.meta.url, file);

// Failures travel as the JSON that records hold.
const stops = Object.fromEntries(
  Object.entries(stopReasons).map(([reason, { before, running }]) => [
    reason,
    Object.fromEntries(
      Object.entries({ before, running }).map(([when, stop]) => [
        when,
        { ...stop, failure: JSON.stringify(stop.failure) },
      ]),
    ),
  ]),
);

const library = [
  limitsLua,
  lua('./state.lua'),
  lua('./book.lua'),
  logLua,
  lua('./end.lua'),
  lua('./erase.lua'),
  lua('./due.lua'),
  `local BROKEN_OFF = [==[${JSON.stringify(brokenOff)}]==]`,
  lua('./flight.lua'),
  // Read only by the script that needs it: it would cost every one 7 µs, and one runs for every few tokens.
  `local function read_stops() return cjson.decode([==[${JSON.stringify(stops)}]==]) end`,
  lua('./stop.lua'),
  `local BULL_PRIORITY_MAX = ${bullPriorityMax}`,
  lua('./fair.lua'),
  lua('./park.lua'),
].join('\n');

/** The Lua functions by which api and worker change a job's life, to be put before the script that calls them. */
export const lifecycleLua = (keys: Keys): string => `${keys.lua}\n${library}\n`;
