import { z } from 'zod';
import { jobEvent, type LogEntry } from '../contracts/event.ts';
import { loadLua } from '../redis/define-script.ts';

/** Lua function `log_append(id, events, now)`, to be put before a script that writes to a job's log. */
export const logLua = loadLua(import.meta.url, './log.lua');

const events = z.array(jobEvent);

/** What a log's channel says: entries as they are written, or that the job's place has changed. */
export type LogNotice = { kind: 'entries'; entries: LogEntry[] } | { kind: 'moved' };

/** A message of a log's channel. Undefined for what is none of ours. */
export function parseLogNotice(message: string): LogNotice | undefined {
  if (message === 'moved') return { kind: 'moved' };
  const [, first, at, list] = /^(\d{1,15}) (\d{1,15}) (\[.*\])$/s.exec(message) ?? [];
  if (list === undefined) return undefined;
  try {
    const entries = events
      .parse(JSON.parse(list))
      .map((event, index) => ({ sequence: Number(first) + index, atMs: Number(at), event }));
    return { kind: 'entries', entries };
  } catch {
    return undefined;
  }
}

/** An entry as XRANGE gives it: `[id, [field, value, …]]`. Undefined for one that this version cannot read. */
export function parseLogEntry([id, fields]: [id: string, fields: string[]]): LogEntry | undefined {
  const [, at, , event] = fields;
  try {
    return { sequence: Number(id.split('-')[0]), atMs: Number(at), event: jobEvent.parse(JSON.parse(event ?? '')) };
  } catch {
    return undefined;
  }
}
