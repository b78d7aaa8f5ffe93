/** Counts the runs that a process has in hand, so that one that stops knows when nothing is left to wait for. */
export function createInHand() {
  let count = 0;
  const waiting: (() => void)[] = [];
  return {
    count: () => count,
    async track<T>(run: () => Promise<T>): Promise<T> {
      count += 1;
      try {
        return await run();
      } finally {
        count -= 1;
        if (count === 0) for (const resolve of waiting.splice(0)) resolve();
      }
    },
    /** Resolves when nothing is in hand. */
    idle: (): Promise<void> => (count === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}

export type InHand = ReturnType<typeof createInHand>;
