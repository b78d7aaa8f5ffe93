/** A row of `limits` as the script takes it. */
export interface PlainRow {
  key: string;
  kind: 'log' | 'slots' | 'held';
  limit: number;
  windowMs: number;
  weight: number;
}

export interface PlainReply {
  admitted: boolean;
  retryAfterMs: number;
  used: number[];
  resetMs: number[];
}

interface Entry {
  id: string;
  weight: number;
  /** From when on it counts no longer. */
  leavesUs: number;
}

/** What `limits.lua` promises, in lists that are gone through from end to end: tests hold the script against it. */
export function plainLimits() {
  const stored = new Map<string, Entry[]>();
  const entriesOf = (key: string) => stored.get(key) ?? [];
  const keep = (key: string, isKept: (entry: Entry) => boolean) => stored.set(key, entriesOf(key).filter(isKept));

  return {
    admit(nowUs: number, id: string, rows: readonly PlainRow[], lost: ReadonlySet<string>): PlainReply {
      for (const row of rows) {
        keep(row.key, (entry) => entry.leavesUs > nowUs);
        const dropped = lostHolders(entriesOf(row.key), row, id, lost);
        keep(row.key, (entry) => !dropped.includes(entry));
      }
      const isRepeat = rows.some(
        ({ key, kind }) => kind !== 'slots' && entriesOf(key).some((entry) => entry.id === id),
      );
      const refusing = isRepeat ? [] : rows.filter((row) => !fits(entriesOf(row.key), row, nowUs));
      const admitted = refusing.length === 0;
      const retryAfterMs = Math.max(0, ...refusing.map((row) => retryMs(entriesOf(row.key), row, nowUs)));
      for (const row of admitted && !isRepeat ? rows : []) {
        stored.set(row.key, [...entriesOf(row.key), { id, weight: row.weight, leavesUs: leavesUs(row, nowUs) }]);
      }
      return {
        admitted,
        retryAfterMs,
        used: rows.map(({ key }) => usedAt(entriesOf(key), nowUs)),
        resetMs: rows.map((row) => resetMs(entriesOf(row.key), row, nowUs)),
      };
    },

    /** Slots know their weight, and not who weighs what in them. */
    correct(nowUs: number, key: string, windowMs: number, atMs: number, delta: number) {
      keep(key, (entry) => entry.leavesUs > nowUs);
      const leaves = slotLeavesUs(atMs, windowMs);
      if (leaves <= nowUs) return;
      const before = entriesOf(key).filter((entry) => entry.leavesUs === leaves);
      const weight = Math.max(0, before.reduce((sum, entry) => sum + entry.weight, 0) + delta);
      keep(key, (entry) => entry.leavesUs !== leaves);
      if (weight > 0) stored.set(key, [...entriesOf(key), { id: '', weight, leavesUs: leaves }]);
    },

    release: (key: string, id: string) => keep(key, (entry) => entry.id !== id),
  };
}

function slotLeavesUs(atMs: number, windowMs: number): number {
  const slotMs = Math.ceil(windowMs / 1000);
  return ((Math.floor(atMs / slotMs) + 1) * slotMs + windowMs) * 1000;
}

function leavesUs({ kind, windowMs }: PlainRow, nowUs: number): number {
  const nowMs = Math.floor(nowUs / 1000);
  if (kind === 'slots') return slotLeavesUs(nowMs, windowMs);
  return (kind === 'log' ? nowUs : nowMs * 1000) + windowMs * 1000;
}

const usedAt = (entries: readonly Entry[], us: number) =>
  entries.reduce((sum, entry) => sum + (entry.leavesUs > us ? entry.weight : 0), 0);

const fits = (entries: readonly Entry[], { limit, weight }: PlainRow, us: number) =>
  limit > 0 && usedAt(entries, us) + weight <= limit;

/** Until the first whole millisecond at which `holds` does; it can only begin to hold when an entry leaves. */
function waitMs(entries: readonly Entry[], nowUs: number, holds: (us: number) => boolean): number {
  const waits = entries.map((entry) => Math.ceil((entry.leavesUs - nowUs) / 1000));
  return Math.min(...waits.filter((wait) => holds(nowUs + wait * 1000)));
}

function retryMs(entries: readonly Entry[], row: PlainRow, nowUs: number): number {
  if (row.limit < 1 || row.weight > row.limit) return row.windowMs;
  return row.kind === 'held' ? 1000 : waitMs(entries, nowUs, (us) => fits(entries, row, us));
}

function resetMs(entries: readonly Entry[], { kind }: PlainRow, nowUs: number): number {
  const used = usedAt(entries, nowUs);
  return kind === 'held' || used === 0 ? 0 : waitMs(entries, nowUs, (us) => usedAt(entries, us) < used);
}

/** Of the twenty oldest holders those that are none any more, where a place is needed. */
function lostHolders(
  entries: readonly Entry[],
  { kind, limit }: PlainRow,
  id: string,
  lost: ReadonlySet<string>,
): Entry[] {
  if (kind !== 'held' || entries.length < limit || entries.some((entry) => entry.id === id)) return [];
  const byAge = entries.toSorted((a, b) => a.leavesUs - b.leavesUs || (a.id < b.id ? -1 : 1));
  return byAge.slice(0, 20).filter((entry) => lost.has(entry.id));
}
