import type {} from 'vitest';

/** What tests/global-setup.ts hands to every test that needs a real Redis. Import it for its types. */
declare module 'vitest' {
  export interface ProvidedContext {
    redisUrl: string;
  }
}
