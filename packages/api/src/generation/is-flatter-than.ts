/**
 * What walks a body later (digests, JSON) calls itself for every level, and the stack has an end: no client needs more.
 */
export const bodyDepthMax = 100;

/** Whether a value has no more than so many levels of objects and lists. */
export function isFlatterThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((member) => isFlatterThan(member, depth - 1));
}
