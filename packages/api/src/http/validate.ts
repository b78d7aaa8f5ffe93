import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { type Fault, invalidFields } from './invalid-field.ts';
import { ruleText } from './rule-text.ts';

// An answer, and a line of the log, that does not grow with what was sent.
const listedMax = 20;
const nameMax = 100;

/** Checks a part of a request against its schema. What is refused is named: a body's member by its JSON pointer. */
export const validateWithZod: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const name = httpPart === 'body' ? jsonPointer : (path: readonly PropertyKey[]) => path.map(short).join('.');
  return (value: unknown) => {
    const parsed = schema.safeParse(value, { error: ruleText });
    if (parsed.success) return { value: parsed.data };
    const faults = parsed.error.issues
      .slice(0, listedMax)
      .flatMap(ofNearestForm)
      .flatMap(ofUnknownMembers)
      .slice(0, listedMax)
      .map(({ path, message }): Fault => ({ pointer: name(path), detail: message }));
    return { error: invalidFields(faults as [Fault, ...Fault[]]) };
  };
};

/** Of a value that may have one of several forms: what is wrong with it in the one form whose members it has. */
function ofNearestForm(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const [nearest, ...others] = issue.errors.filter((faults) => faults.every(({ path }) => path.length > 0));
  if (!nearest || others.length > 0) return [issue];
  return nearest.map((fault) => ({ ...fault, path: [...issue.path, ...fault.path] }));
}

/** A member that nobody knows is named itself, not the object that has it. */
function ofUnknownMembers(issue: z.core.$ZodIssue): Pick<z.core.$ZodIssue, 'path' | 'message'>[] {
  if (issue.code !== 'unrecognized_keys') return [issue];
  return issue.keys.map((name) => ({ path: [...issue.path, name], message: 'is not a known member' }));
}

const short = (name: PropertyKey) => String(name).slice(0, nameMax);

/** RFC 6901: a name may itself hold the separator. */
const jsonPointer = (path: readonly PropertyKey[]) =>
  path.map((name) => `/${short(name).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
