// What every request reads may be this old: none should pay for it.
const usualFreshMs = 500;

/** Shares one reading among all who ask within `freshMs`. A failed reading is not kept. */
export function remember<T>(read: () => Promise<T>, freshMs = usualFreshMs): () => Promise<T> {
  let last: { at: number; value: Promise<T> } | undefined;
  return () => {
    const now = performance.now();
    if (last && now - last.at < freshMs) return last.value;
    const value = read();
    const current = { at: now, value };
    last = current;
    value.catch(() => {
      if (last === current) last = undefined;
    });
    return value;
  };
}
