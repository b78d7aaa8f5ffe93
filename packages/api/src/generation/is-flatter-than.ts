/**
 * What walks a body later (digests, JSON) calls itself for every level, and the stack has an end: no client needs more.
 */
export const bodyDepthMax = 100;

/** Whether a value has no more than so many levels of objects and lists. */
export function isFlatterThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((member) => isFlatterThan(member, depth - 1));
}

/** The rule for a whole body that is passed on with members that nobody here knows. */
export const isFlatBody = (body: object) => isFlatterThan(body, bodyDepthMax);
export const flatBodyRule = `must not be nested deeper than ${bodyDepthMax} levels`;
