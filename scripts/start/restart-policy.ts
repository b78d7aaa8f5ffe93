export interface RestartPolicy {
  /** How long to wait before the next start, or undefined when it crashed too often to go on. */
  afterCrash(now: number): number | undefined;
}

export function createRestartPolicy({ crashesMax = 5, windowMs = 60_000, firstDelayMs = 100 } = {}): RestartPolicy {
  let crashes: number[] = [];
  return {
    afterCrash(now) {
      crashes = [...crashes.filter((at) => now - at < windowMs), now];
      return crashes.length > crashesMax ? undefined : firstDelayMs * 2 ** (crashes.length - 1);
    },
  };
}
