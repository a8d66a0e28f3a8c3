import { afterAll, beforeAll, expect, test } from 'vitest'
import { LOG_ID, prepare } from '../../src/audit/log.ts'
import { appendShare, findVisit, isVersionTaken, type ShareRow } from '../../src/claim-share/store.ts'
import { type DataKeys, deriveDataKeys, dossierDigest, visitDigest } from '../../src/data-keys.ts'
import { connect, type Sql } from '../../src/db/connect.ts'
import { asked, deed, logState, sound } from '../support/log.ts'
import { createWorld, type World } from '../support/service.ts'

let world: World
let sql: Sql
let other: Sql
let keys: DataKeys

beforeAll(async () => {
  world = await createWorld([])
  const options = { connectionsMax: 8, statementTimeoutMs: 10_000, applicationName: 'shares' }
  sql = connect(world.appUrl, options)
  other = connect(world.appUrl, options)
  keys = deriveDataKeys(world.dataKeys)
})

afterAll(async () => {
  await Promise.all([sql?.end(), other?.end()])
  await world?.close()
})

function share(visit: string, version: number, bytes = `${visit} ${version}`): ShareRow {
  return {
    facility: '38001',
    visitKey: visitDigest(keys, '38001', visit),
    share: 'claim',
    version,
    dossierKey: dossierDigest(keys, '38001', bytes),
    dossier: Buffer.from(bytes).toString('base64'),
    delivery: 'forward',
    settlementMonth: '2026-11',
  }
}

const write = (row: ShareRow, on = sql, entry = deed()) =>
  appendShare(on, LOG_ID, prepare(keys, entry), row).catch((error: unknown) => {
    if (isVersionTaken(error)) return 'versionTaken'
    throw error
  })

const look = (row: ShareRow) => findVisit(sql, LOG_ID, row, row.dossierKey, null)

test('a share would stand in the log without its version, its bytes or its place in the queue', async () => {
  const written = await write(share('A', 1))
  expect(written).toEqual({ result: 'done', place: expect.any(Number) })
  const place = typeof written === 'string' ? null : written.place
  expect(await look(share('A', 2))).toEqual({ keyHeldBy: null, latest: { version: 1, place }, same: null })
  expect(await look(share('A', 1))).toMatchObject({ same: place })
  const transactions = await world.owner<{ xmin: string }[]>`
    select distinct xmin::text from (
      select xmin from log_entry where leaf_index = ${place} union all
      select xmin from entry_detail where leaf_index = ${place} union all
      select xmin from claim_visit where leaf_index = ${place} union all
      select xmin from claim_dossier where leaf_index = ${place} union all
      select xmin from claim_delivery where leaf_index = ${place} and next_attempt_at is not null) as written`
  expect(transactions).toHaveLength(1)
})

test('two writers of one version would both be recorded, or the loser would leave a hole in the log', async () => {
  const before = await logState(world.owner)
  const outcomes = await Promise.all(
    Array.from({ length: 16 }, (_, n) => write(share('B', 1, `bytes ${n}`), n % 2 === 0 ? sql : other)),
  )
  expect(outcomes.filter((each) => each !== 'versionTaken')).toHaveLength(1)
  const after = await logState(world.owner)
  expect(after.size).toBe(before.size + 1)
  expect(after).toEqual(sound(after.size))
  await write(share('C', 1))
  expect(await logState(world.owner)).toEqual(sound(after.size + 1))
})

test('another request under an Idempotency-Key that is held would be recorded', async () => {
  expect(await write(share('D', 1), sql, asked('one', 'first'))).toMatchObject({ result: 'done' })
  expect(await write(share('E', 1), sql, asked('one', 'second'))).toEqual({ result: 'keyTaken', place: null })
  expect(await look(share('E', 1))).toEqual({ keyHeldBy: null, latest: null, same: null })
  const held = prepare(keys, asked('one', 'first'))
  const row = share('E', 1)
  expect(await findVisit(sql, LOG_ID, row, row.dossierKey, held.idempotencyKey)).toMatchObject({
    keyHeldBy: held.requestDigest,
  })
})
