import type { Fault } from '../http/invalid-field.ts';

/** Says of a member that a model of another provider could not be told it. */
export const noCounterpart = 'has no counterpart for models of other providers';

/** Notes what of a body stands in the way of a model of another provider. */
export type Refuse = (pointer: string, detail?: string) => void;

/** Gathers what only a provider can be told that speaks the body's dialect. */
export function createNativeOnly(): { nativeOnly: Fault[]; refuse: Refuse } {
  const nativeOnly: Fault[] = [];
  return { nativeOnly, refuse: (pointer, detail = noCounterpart) => nativeOnly.push({ pointer, detail }) };
}
