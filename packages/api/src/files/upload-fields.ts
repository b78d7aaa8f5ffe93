import { invalidField } from '../http/invalid-field.ts';

export interface UploadFields {
  purpose: 'batch';
  keptS: number;
}

/** How long the files of batches are kept, unless something else is asked for. */
export const usualKeptS = 30 * 24 * 3600;
export const keptMinS = 3600;
export const keptMaxS = 30 * 24 * 3600;

/** The members of an upload beside its file. Throws `invalid_request`. */
export function readUploadFields(fields: ReadonlyMap<string, string>): UploadFields {
  const purpose = fields.get('purpose');
  if (purpose === undefined) throw invalidField('purpose', 'is required');
  if (purpose !== 'batch') throw invalidField('purpose', 'must be "batch": files for other purposes are not kept');
  const anchor = fields.get('expires_after[anchor]');
  const seconds = fields.get('expires_after[seconds]');
  if (anchor === undefined && seconds === undefined) return { purpose, keptS: usualKeptS };
  if (anchor !== 'created_at') throw invalidField('expires_after[anchor]', 'must be "created_at"');
  const keptS = Number(seconds);
  if (!Number.isInteger(keptS) || keptS < keptMinS || keptS > keptMaxS) {
    throw invalidField('expires_after[seconds]', `must be a whole number from ${keptMinS} to ${keptMaxS}`);
  }
  return { purpose, keptS };
}
