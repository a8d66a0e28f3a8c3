import { defineConfig } from 'vitest/config'
import { WORKERD_SUITES } from './test/support/hosts.ts'
import { LongestFirst } from './test/support/longest-first.ts'

/**
 * `pure` (no database, seconds); `*.db.test.ts` on a real embedded PostgreSQL; and, of those, what speaks HTTP once more
 * with workerd as the host.
 */
export default defineConfig({
  test: {
    // the default leaves a core for others: one worker on a machine of two, which mostly waits for processes and locks
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'pure',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.db.test.ts'],
          // no module is mocked, none keeps state that shows: they are loaded once a worker, not once a suite
          isolate: false,
          setupFiles: ['test/support/away-from-midnight.ts'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'db',
          // as above: a fifth of these suites' time was the loading of the same modules again
          isolate: false,
          include: ['test/**/*.db.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles: ['test/support/away-from-midnight.ts'],
          // only a hang is to be ended: a test of starts and kills takes 30 s, thrice that on a machine that is shared
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'workerd',
          isolate: false,
          include: [...WORKERD_SUITES],
          globalSetup: ['test/support/workerd-setup.ts'],
          setupFiles: ['test/support/away-from-midnight.ts', 'test/support/skip-on-workerd.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
