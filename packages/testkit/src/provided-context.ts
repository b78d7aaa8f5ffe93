import type {} from 'vitest';

/** What tests/global-setup.ts hands to every test that needs a real Redis or Postgres. Import it for its types. */
declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string;
    /** A server where every test makes a database of its own, with createDatabase. */
    databaseUrl: string;
  }
}
