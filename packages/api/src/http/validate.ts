import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { type Fault, invalidFields } from './invalid-field.ts';
import { ruleText } from './rule-text.ts';

/** Checks a part of a request against its schema. What is refused is named: a body's member by its JSON pointer. */
export const validateWithZod: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const name = httpPart === 'body' ? jsonPointer : (path: readonly PropertyKey[]) => path.join('.');
  return (value: unknown) => {
    const parsed = schema.safeParse(value, { error: ruleText });
    if (parsed.success) return { value: parsed.data };
    const faults = parsed.error.issues.map(({ path, message }): Fault => ({ pointer: name(path), detail: message }));
    return { error: invalidFields(faults as [Fault, ...Fault[]]) };
  };
};

/** RFC 6901: a name may itself hold the separator. */
const jsonPointer = (path: readonly PropertyKey[]) =>
  path.map((name) => `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
