import type { z } from 'zod';

type Issue = Parameters<z.core.$ZodErrorMap>[0];

/** The rule in words for whoever edits an env file; undefined leaves zod its own. */
function ruleOf(issue: Issue): string | undefined {
  if (issue.code === 'invalid_type') return `must be a ${issue.expected}`;
  if (issue.code === 'too_small' && issue.origin === 'number') return `must be at least ${issue.minimum}`;
  if (issue.code === 'too_big' && issue.origin === 'number') return `must be at most ${issue.maximum}`;
  if (issue.code === 'invalid_value') return `must be ${issue.values.join(' or ')}`;
  return undefined;
}

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
  const parsed = schema.safeParse(present, { error: ruleOf });
  if (parsed.success) return Object.freeze(parsed.data);
  const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || 'configuration'}: ${issue.message}`);
  throw new ConfigError(`Bad configuration:\n${lines.join('\n')}`);
}
