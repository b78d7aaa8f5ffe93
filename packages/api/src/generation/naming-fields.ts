import { renameFields } from '../http/invalid-field.ts';
import type { GenerationEndpoint } from './generation-endpoint.ts';

/** Does something that knows the neutral form's fields, and has its refusals name them as the dialect does. */
export async function namingFields<T>(
  { fieldNames = {} }: Pick<GenerationEndpoint, 'fieldNames'>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw renameFields(error, (pointer) => fieldNames[pointer] ?? pointer);
  }
}
