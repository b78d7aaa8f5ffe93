import { type Logger, type LoggerOptions as PinoOptions, pino } from 'pino';

export type { Logger } from 'pino';

/** The names of the events that operators alert on; they never change. */
export const events = {
  requestReceived: 'request_received',
  responseGenerated: 'response_generated',
  cacheHit: 'cache_hit',
  rateLimitExceeded: 'rate_limit_exceeded',
  costTracked: 'cost_tracked',
  requestFailed: 'request_failed',
  budgetThreshold: 'budget_threshold',
  budgetExceeded: 'budget_exceeded',
} as const;

/**
 * What a log may tell of an error. Libraries hang much more on theirs: a refused Redis command carries its arguments,
 * which hold prompts, and an SDK's error the request's headers, which hold keys.
 */
export function bareError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  return { type: name, message, stack, ...(cause === undefined ? {} : { cause: bareError(cause) }) };
}

export interface LoggerOptions {
  service: string;
  level: string;
  to?: ((line: string) => void) | undefined;
}

/**
 * JSON lines on standard output, or to whoever takes them. Nothing logs a prompt, an answer or a key: callers pass ids, counts and codes.
 * The redaction below is the second net, for objects of libraries that carry headers along.
 */
export function createLogger({ service, level, to }: LoggerOptions): Logger {
  const options: PinoOptions = {
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: bareError },
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: [
        '*.headers',
        '*.request',
        '*.response',
        'headers',
        'apiKey',
        '*.apiKey',
        'authorization',
        '*.authorization',
      ],
      censor: '[redacted]',
    },
  };
  return to === undefined ? pino(options) : pino(options, { write: to });
}
