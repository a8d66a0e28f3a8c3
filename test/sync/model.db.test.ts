import fc from 'fast-check'
import { expect, test } from 'vitest'
import { begin, commands, type Real } from '../../loadtest/sync-model.ts'
import { person } from '../../mocks/province/person.ts'
import { isoDate } from '../../src/calendar.ts'
import { deriveDataKeys, lookupKey } from '../../src/data-keys.ts'
import type { Sql } from '../../src/db/connect.ts'
import type { BirthDate } from '../../src/identity/birth-date.ts'
import type { FullName } from '../../src/identity/name.ts'
import { decideAsKnown } from '../../src/verification/known-at.ts'
import type { VerificationDetails } from '../../src/verification/verify.ts'
import { createWorld } from '../support/service.ts'

/** `npm run loadtest -- sync-model` runs as many as one likes. */
const RUNS = 6
const SEED = 2_411

test('an order of full feeds, deltas, repeated and early ones, cuts and rollbacks would end in another state than the model', async () => {
  const world = await createWorld([])
  const real: Real = { sql: world.owner, url: world.ownerUrl, dataKeys: world.dataKeys, sent: new Map(), clock: 0 }
  try {
    await fc.assert(
      fc.asyncProperty(commands, async (steps) => {
        const start = await begin(real)
        await fc.asyncModelRun(() => start, steps)
      }),
      { numRuns: RUNS, seed: SEED },
    )
    // the comparison itself: a version nobody told of is noticed
    const { model } = await begin(real)
    await world.owner`update coverage set registered_facility = '38009'`
    await expect(
      fc.asyncModelRun(
        () => ({ model, real }),
        fc.sample(commands, { numRuns: 50, seed: SEED }).find((each) => [...each].length > 2) ?? [],
      ),
    ).rejects.toThrow('the database has')
  } finally {
    await world.close()
  }
}, 120_000)

/** Of the people that the model's feeds are about. */
const asked = (real: Real) => {
  const keys = deriveDataKeys(real.dataKeys)
  return Array.from({ length: 8 }, (_, i) => {
    const { citizenId, fullName, dateOfBirth } = person({ seed: 'model', baseDate: isoDate('2026-11-01') }, i)
    const presented = { fullName: fullName as FullName, birthDate: dateOfBirth as BirthDate }
    const name = lookupKey(keys, citizenId)
    return {
      answer: { serviceDate: isoDate('2026-11-01') },
      asked: { name, generation: 1, seen: null, how: 'scanned', card: null, ...presented },
    } as unknown as VerificationDetails
  })
}

/** Every person, as known at each of these instants. */
async function answersAt(real: Real, instants: readonly string[]): Promise<string[]> {
  const config = { copyLateAfterMs: 86_400_000, copyStaleAfterMs: 864_000_000 }
  const job = {
    service: { dataKeys: deriveDataKeys(real.dataKeys), config },
    query: <T>(work: (sql: Sql) => Promise<T>) => work(real.sql),
  } as unknown as Parameters<typeof decideAsKnown>[0]
  return Promise.all(
    instants.map(async (at) =>
      JSON.stringify(await Promise.all(asked(real).map((details) => decideAsKnown(job, details, at)))),
    ),
  )
}

test('an answer as known at an instant would be another one after full feeds, deltas, removals and rollbacks', async () => {
  const world = await createWorld([])
  const real: Real = { sql: world.owner, url: world.ownerUrl, dataKeys: world.dataKeys, sent: new Map(), clock: 0 }
  const told = new Set<string>()
  try {
    await fc.assert(
      fc.asyncProperty(commands, async (steps) => {
        const { model } = await begin(real)
        const known = new Map<string, string>()
        for (const step of steps) {
          if (step.check(model)) await step.run(model, real)
          const [state] = await real.sql<{ now: string; between: string; begun: string }[]>`
            select replace(loaded_at::text, '+00', 'Z') as now, replace(begun.at::text, '+00', 'Z') as begun,
                   replace(greatest(begun.at, loaded_at - interval '1 microsecond')::text, '+00', 'Z') as between
              from feed_watermark, (select max(at) as at from
                (select greatest(applied_at, as_of) as at from feed_batch order by applied_at limit 1)) as begun`
          if (state === undefined || state.begun > state.now) continue
          for (const at of [state.now, state.between]) if (!known.has(at)) known.set(at, '')
          const instants = [...known.keys()]
          for (const [i, answer] of (await answersAt(real, instants)).entries()) {
            const at = instants[i] ?? ''
            const former = known.get(at)
            if (former !== '' && former !== answer) throw new Error(`${at} was\n${former}\nand is\n${answer}`)
            known.set(at, answer)
            told.add(answer.replaceAll(/"(knownAt|knownSince|data)":("[^"]*"|\{[^}]*\})/g, ''))
          }
        }
      }),
      { numRuns: RUNS, seed: SEED },
    )
    expect(told.size).toBeGreaterThan(10) // they do differ from one another
  } finally {
    await world.close()
  }
}, 120_000)
