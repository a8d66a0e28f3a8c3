import { defineConfig } from 'vitest/config'

/** Two kinds of tests: `pure` (no database, seconds) and `*.db.test.ts` on a real embedded PostgreSQL. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'pure', include: ['test/**/*.test.ts'], exclude: ['test/**/*.db.test.ts'] } },
      {
        test: {
          name: 'db',
          include: ['test/**/*.db.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
