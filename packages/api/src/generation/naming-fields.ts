import { renameFields } from '../http/invalid-field.ts';
import type { GenerationEndpoint } from './generation-endpoint.ts';

/** Does something that knows the neutral form's fields, and has its refusals name them as the body that was sent does. */
export async function namingFields<T>(
  { fieldNames = {} }: Pick<GenerationEndpoint, 'fieldNames'>,
  body: unknown,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const names = typeof fieldNames === 'function' ? fieldNames(body) : fieldNames;
    throw renameFields(error, (pointer) => names[pointer] ?? pointer);
  }
}
