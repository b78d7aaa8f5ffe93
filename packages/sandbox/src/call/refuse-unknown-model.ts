import { Refusal } from './refusal.ts';

/** Every model exists here, except those named to be missing. */
export function refuseUnknownModel(model: string): void {
  const name = model.split('/').at(-1) ?? model;
  if (name.startsWith('no-such-model')) throw new Refusal('no-such-model', { message: model, path: ['model'] });
}
