import { z } from 'zod';

export const databaseEnv = {
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .describe('PostgreSQL 14 or newer, for the ledger; without it `npm start` runs a private one'),
};

export const ledgerEnv = {
  LEDGER_BACKLOG_MAX: z.coerce
    .number()
    .int()
    .positive()
    .default(1_000_000)
    .describe(
      'Rows that may wait in Redis for PostgreSQL (about 0.7 KB each); beyond it requests are refused with 503',
    ),
};
