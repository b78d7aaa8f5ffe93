import { defineConfig } from 'vitest/config';

const redisTests = 'packages/**/src/**/*.redis.test.ts';
const postgresTests = 'packages/**/src/**/*.postgres.test.ts';
const routeTests = 'packages/api/src/**/*.route.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/**/src/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: ['**/node_modules/**', redisTests, postgresTests, routeTests],
        },
      },
      {
        test: {
          name: 'integration',
          include: [redisTests, postgresTests, routeTests],
          exclude: ['**/node_modules/**'],
          globalSetup: ['tests/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['tests/**/*.test.ts'],
          exclude: ['**/node_modules/**'],
          globalSetup: ['tests/global-setup.ts'],
          // Whole processes that are timed and killed: last, and two files at a time, or they starve each other.
          sequence: { groupOrder: 1 },
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
