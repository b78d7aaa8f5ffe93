import type { FastifyInstance } from 'fastify';
import { invalidField } from './invalid-field.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How many values the body of a request may have; absent: as for all. */
    valuesMax?: number;
  }
}

/**
 * Schemas, digests and copies take their time for every member and item, and nobody else is served meanwhile: 32 MiB of
 * `5,5,5,…` were measured to take half a minute. The longest of prompts has a few thousand; what has many is token ids.
 */
export const bodyValuesMax = 500_000;

export const valuesRule = (max: number) => `must have at most ${max} members and items, with those of its members`;

/** Whether an object or a list has no more members and items than so many, with those that lie within. */
export function hasAtMostValues(value: unknown, max: number): boolean {
  const waiting = [value];
  let left = max;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    const inner: unknown[] = Array.isArray(next) ? next : Object.values(next);
    left -= inner.length;
    if (left < 0) return false;
    for (const one of inner) if (typeof one === 'object' && one !== null) waiting.push(one);
  }
  return true;
}

/** Refuses bodies of too many values before anything else looks at them. To be called before any route is registered. */
export function boundValues(app: FastifyInstance): void {
  app.addHook('preValidation', async ({ body, routeOptions }) => {
    const max = routeOptions.config?.valuesMax ?? bodyValuesMax;
    if (!hasAtMostValues(body, max)) throw invalidField('', valuesRule(max));
  });
}
