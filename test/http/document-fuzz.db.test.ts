import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { documentFuzz } from '../../loadtest/document-fuzz.ts'
import { seeded } from '../../loadtest/seeded.ts'
import { createWorld } from '../support/service.ts'
import { asking, card, cardScan, document, logState, record, scan, typed } from './http-support.ts'

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../src/http/openapi.json'), 'utf8')
/** Fixed, so that a failure is the same tomorrow; the full size is `npm run loadtest -- fuzz`. */
const SEED = 20_261_124
/** On workerd each opens a connection to PostgreSQL: 20 ms a request. */
const REQUESTS = inject('workerBundle') === undefined ? 600 : 100

test('a request made from the document would be answered otherwise than documented, or the log would not know', async () => {
  const someone = record()
  const world = await createWorld([someone])
  try {
    const running = await world.start()
    const tokens = { facility: await world.token('facility:38001'), auditor: await world.token('auditor:test') }
    const before = await logState(world)
    const evidence = [
      scan(someone),
      typed(someone),
      card(someone),
      cardScan(someone),
      document(someone, 'birthCertificate'),
    ]
    const ask = (text: string, requests: number) =>
      documentFuzz({
        url: running.url,
        document: text,
        requests,
        random: seeded(SEED),
        bodies: evidence.map((each) => asking(each)),
        tokenOf: (role) => tokens[role],
      })
    const figures = await ask(DOCUMENT, REQUESTS)
    expect(figures.wrong).toEqual([])
    expect((await logState(world)).size).toBe(before.size + figures.deeds)
    // a fuzz that is always refused, or never, tries nothing
    expect(figures.statuses[200]).toBeGreaterThan(REQUESTS / 10)
    expect(figures.statuses[400]).toBeGreaterThan(REQUESTS / 10)
    if (inject('workerBundle') !== undefined) return // the fuzz is the same one; that it notices is shown on Node
    // it would notice: an answer that the document does not know, a member more than it names
    const { wrong } = await ask(DOCUMENT.replaceAll('"200"', '"299"').replaceAll('"integrator"', '"other"'), 50)
    expect(wrong.some((each) => each.includes('the status is not documented'))).toBe(true)
    expect(wrong.some((each) => each.includes('the body is not as documented'))).toBe(true)
  } finally {
    await world.close()
  }
})
