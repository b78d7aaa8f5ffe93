/** When attempts are due, in seconds after the first one, as Standard Webhooks proposes. */
const offsetsS = [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400] as const;

// A receiver that asks for more has in effect refused.
const retryAfterMaxMs = 24 * 3600 * 1000;
const jitter = 0.1;

export interface ScheduleOptions {
  /** Pause before the second attempt; the later ones scale with it. */
  baseMs: number;
  /** What the receiver asked for: no sooner than that. */
  retryAfterMs?: number | undefined;
  /** From 0 to 1; receivers that failed together are not asked again together. */
  random: number;
}

/** The pause after a failed attempt, the first being 1; undefined after the last. */
export function pauseAfter(attempt: number, { baseMs, retryAfterMs = 0, random }: ScheduleOptions): number | undefined {
  const [from, to] = [offsetsS[attempt - 1], offsetsS[attempt]];
  if (from === undefined || to === undefined) return undefined;
  const scale = baseMs / offsetsS[1];
  return Math.round(Math.max((to - from) * scale * (1 + jitter * random), Math.min(retryAfterMs, retryAfterMaxMs)));
}
