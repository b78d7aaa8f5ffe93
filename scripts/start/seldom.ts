/**
 * Says whether a thing of this kind may be told: once in `intervalMs`. While Redis is away each connection complains
 * every second and each request as well; all of it is in the log, and a terminal needs one line.
 */
export function createSeldom(intervalMs: number): (kind: string, nowMs?: number) => boolean {
  const toldAt = new Map<string, number>();
  return (kind, nowMs = Date.now()) => {
    for (const [known, at] of toldAt) {
      if (nowMs - at >= intervalMs) toldAt.delete(known);
    }
    if (toldAt.has(kind)) return false;
    toldAt.set(kind, nowMs);
    return true;
  };
}
