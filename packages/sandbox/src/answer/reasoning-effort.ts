const tokensByEffort: Record<string, number> = {
  none: 0,
  minimal: 8,
  low: 16,
  medium: 32,
  high: 64,
  xhigh: 96,
  max: 128,
};
const USUAL_TOKENS = 32;

/** How much is thought for an effort of either vendor; nothing, when none was asked for. */
export function tokensOfEffort(effort: string | null | undefined): number {
  if (effort === null || effort === undefined) return 0;
  return tokensByEffort[effort] ?? USUAL_TOKENS;
}
