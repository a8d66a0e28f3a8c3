import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Suites that mostly start processes, longest first. A clean checkout knows no durations, and vitest then goes by the size
 * of files: a short file that takes a minute would come last, and the other worker stand idle.
 */
export const LONG: readonly string[] = [
  'test/cli/demo.db.test.ts',
  'test/db/embedded.db.test.ts',
  'test/cli/demo-killed.db.test.ts',
  'test/cli/own-database.db.test.ts',
  'test/flows/succession.db.test.ts',
  'test/flows/crash.db.test.ts',
  'test/claim-share/send.db.test.ts',
  'test/sync/delta.db.test.ts',
  'test/cli/edge.db.test.ts',
  'test/claim-share/send-twice.db.test.ts',
  'test/claim-share/send-killed.db.test.ts',
  'test/cli/demo-changed.db.test.ts',
  'test/cli/usage.db.test.ts',
]

/** Where a suite stands among them; after all of them where it is none. */
export function turnOf(moduleId: string): number {
  const at = LONG.findIndex((each) => moduleId.endsWith(`/${each}`))
  return at < 0 ? LONG.length : at
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const byProject = Map.groupBy(await super.sort(files), (each) => each.project.name)
    // a stable sort: what is none of them stays where it was
    return [...byProject.values()].flatMap((each) => each.toSorted((a, b) => turnOf(a.moduleId) - turnOf(b.moduleId)))
  }
}
