import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StartSettings } from './settings.ts';

export interface AdminKey {
  key: string | undefined;
  /** Where the operator finds it; the key itself is never printed. */
  where: string;
  /** Set when the key was made rather than given. */
  file?: string;
}

/** The operator's own key, else one that is made once per data folder; beyond loopback and in production only the operator's own. */
export function adminKey({
  adminKey: given,
  makesAdminKey,
  dataDir,
}: Pick<StartSettings, 'adminKey' | 'makesAdminKey' | 'dataDir'>): AdminKey {
  if (given) return { key: given, where: 'ADMIN_API_KEY' };
  if (!makesAdminKey) return { key: undefined, where: 'not set: ADMIN_API_KEY opens it' };
  const file = join(dataDir, 'admin-key');
  if (!existsSync(file)) {
    writeFileSync(file, `gw_admin_${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  }
  return { key: readFileSync(file, 'utf8').trim(), where: file, file };
}
