import type { Launch } from '../servers/server-program.ts';

export type User = NonNullable<Launch['user']>;

/** Nothing of our environment: it may hold keys, and variables that initdb and postgres would obey. */
export const runAs = (user: User | undefined, cwd: string): Pick<Launch, 'env' | 'cwd' | 'user'> => ({
  env: { PATH: process.env.PATH ?? '' },
  cwd,
  ...(user ? { user } : {}),
});
