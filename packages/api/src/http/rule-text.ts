import type { z } from 'zod';

type Issue = Parameters<z.core.$ZodErrorMap>[0];

const kinds: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  null: 'null',
};

const units: Record<string, string> = { string: ' characters', array: ' items', record: ' members' };

function bound(origin: string, limit: number | bigint, comparison: '<=' | '>='): string {
  const unit = units[origin];
  if (unit === undefined) return `must be ${comparison} ${limit}`;
  return `must have at ${comparison === '<=' ? 'most' : 'least'} ${limit}${limit === 1 ? unit.slice(0, -1) : unit}`;
}

const oneOf = (values: readonly unknown[]) =>
  values.length === 1
    ? `must be ${JSON.stringify(values[0])}`
    : `must be one of ${values.map((value) => JSON.stringify(value)).join(', ')}`;

/**
 * The rule that a value breaks, said to whoever sent it: what to send instead, in words that follow the field's name.
 * Undefined leaves zod its own words.
 */
export function ruleText(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${kinds[issue.expected] ?? issue.expected}`;
    case 'too_big':
      return bound(issue.origin, issue.maximum, '<=');
    case 'too_small':
      return bound(issue.origin, issue.minimum, '>=');
    case 'invalid_value':
      return oneOf(issue.values);
    case 'invalid_union':
      return issue.discriminator === undefined || !('options' in issue) ? undefined : oneOf(issue.options as unknown[]);
    case 'invalid_key':
      return `as a name ${issue.issues[0]?.message ?? 'is not allowed'}`;
    case 'invalid_format':
      return issue.format === 'date' ? 'must be a date such as 2026-11-23' : undefined;
    default:
      return undefined;
  }
}
