import type { z } from 'zod';

/** Thrown at start: names every bad variable at once and never prints a value, which may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Parses the environment once and freezes the result. An empty variable counts as unset, because that is what
 * `KEY=` in an env file and compose's `${KEY:-}` mean.
 */
export function loadConfig<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  environment: Record<string, string | undefined>,
): Readonly<z.output<z.ZodObject<Shape>>> {
  const present = Object.fromEntries(
    Object.keys(schema.shape)
      .map((name) => [name, environment[name]?.trim()] as const)
      .filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(present);
  if (parsed.success) return Object.freeze(parsed.data);
  const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || 'configuration'}: ${issue.message}`);
  throw new ConfigError(`Bad configuration:\n${lines.join('\n')}`);
}
