export interface ServiceRate {
  /** How many jobs had been begun at a time, since ever. */
  note(begun: number, atMs: number): void;
  /** Jobs begun per millisecond within the last minute; undefined while that cannot be said. */
  perMs(): number | undefined;
}

const windowMs = 60_000;
// Two looks in quick succession say more of chance than of the rate.
const spanMinMs = 1000;

/** How fast a lane is served, from a counter that is looked at now and then. */
export function createServiceRate(): ServiceRate {
  let notes: { begun: number; atMs: number }[] = [];
  return {
    note(begun, atMs) {
      notes = [...notes.filter((note) => atMs - note.atMs <= windowMs), { begun, atMs }];
    },
    perMs() {
      const [first, last] = [notes[0], notes.at(-1)];
      if (!first || !last || last.atMs - first.atMs < spanMinMs || last.begun <= first.begun) return undefined;
      return (last.begun - first.begun) / (last.atMs - first.atMs);
    },
  };
}
