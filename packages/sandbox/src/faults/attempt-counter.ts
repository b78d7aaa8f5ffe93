/** How often a key has been refused so far; forgets the oldest keys. */
export interface AttemptCounter {
  /** True for the first `times` calls with this key. */
  isAmongFirst(key: string, times: number): boolean;
  reset(): void;
}

export function createAttemptCounter({ keysMax }: { keysMax: number }): AttemptCounter {
  const counts = new Map<string, number>();
  return {
    isAmongFirst(key, times) {
      const count = (counts.get(key) ?? 0) + 1;
      if (count > times) return false;
      counts.set(key, count);
      const oldest = counts.keys().next();
      if (counts.size > keysMax && !oldest.done) counts.delete(oldest.value);
      return true;
    },
    reset: () => counts.clear(),
  };
}
