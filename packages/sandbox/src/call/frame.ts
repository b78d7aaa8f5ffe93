/** One server-sent event of an answer. */
export interface Frame {
  event: string | null;
  /** A string is sent as it is (`[DONE]`), anything else as JSON. */
  data: unknown;
  /** Completion tokens that are paid for once this frame is written. */
  tokens: number;
  /** All text has been sent: what follows only says how it ended. */
  closing: boolean;
}

export function formatFrame({ event, data }: Pick<Frame, 'event' | 'data'>): string {
  const name = event === null ? '' : `event: ${event}\n`;
  return `${name}data: ${formatData(data)}\n\n`;
}

/** A frame whose JSON stops half-way: what a proxy that lost some bytes would pass on. */
export function formatBrokenFrame({ event, data }: Pick<Frame, 'event' | 'data'>): string {
  const whole = formatFrame({ event, data });
  return `${whole.slice(0, Math.floor(whole.length * 0.6)).trimEnd()}\n\n`;
}

function formatData(data: unknown): string {
  return typeof data === 'string' ? data : JSON.stringify(data);
}
