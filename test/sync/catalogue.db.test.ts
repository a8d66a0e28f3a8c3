import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CATALOGUE_FEED, catalogueRows } from '../../mocks/insurer/catalogue.ts'
import { type Fault, type Insurer, startInsurer } from '../../mocks/insurer/server.ts'
import { rowsOf } from '../../mocks/province/person.ts'
import { parseFacilityCode } from '../../src/access/principal.ts'
import { makeSigningKey } from '../../src/access/token-keys.ts'
import { isoDate } from '../../src/calendar.ts'
import { rollBack } from '../../src/cli/import.ts'
import { pullJob } from '../../src/cli/pull.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { connect, type Sql } from '../../src/db/connect.ts'
import { standingOn } from '../../src/facility/facility.ts'
import { findFacility, listCodes } from '../../src/facility/store.ts'
import { open } from '../../src/seal.ts'
import { pullCatalogue } from '../../src/sync/catalogue/pull.ts'
import type { PullJob } from '../../src/sync/pull.ts'
import { replayQuarantine } from '../../src/sync/quarantine/replay.ts'
import { changed, FIRST, openCatalogue } from '../support/catalogue.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { kiemthe } from '../support/kiemthe.ts'
import { createWorld, type World } from '../support/service.ts'

let world: World
let insurer: Awaited<ReturnType<typeof openCatalogue>>
/** Each test goes on from the catalogue that the one before left, under the next number. */
let sequence = 10

beforeAll(async () => {
  world = await createWorld([])
  insurer = await openCatalogue(world)
})

afterAll(async () => {
  await insurer?.close()
  await world?.close()
})

const isRefused = (why: RegExp) =>
  expect.objectContaining({ constructor: UsageError, message: expect.stringMatching(why) })

async function find(text: string) {
  const code = parseFacilityCode(text)
  return code === null ? null : findFacility(world.owner, code)
}

async function history(code: string) {
  return world.owner<{ name: string; sequence: number; known_from: string; known_to: string }[]>`
    select name, feed_sequence as sequence, known_from::text, known_to::text
      from facility_version where code = ${code} order by known_from`
}

async function whole() {
  return {
    versions: await world.owner`select * from facility_version order by code, known_from`,
    codes: await world.owner`select * from facility order by code`,
    watermark: await world.owner`select * from feed_watermark`,
    batches: await world.owner`select * from feed_batch order by applied_at`,
    quarantine: await world.owner`select position, resolved from quarantine order by sequence, position`,
    log: await world.owner`select size from log_head`,
  }
}

const MERGED = { validTo: '2026-06-30', mergedInto: '38001' }
const merged = changed(FIRST, { '38003': MERGED, '38005': { name: 'Bệnh viện đa khoa Ngọc Lặc' } })

describe('a catalogue', () => {
  test('replaces the former one: what changed is another version, the former one is kept, the rest is not touched', async () => {
    const before = await history('38001')
    const said = await insurer.give(sequence, merged)
    expect(said).toContain(
      `full ${sequence} is in: 2 versions opened, 2 closed, 0 rows quarantined; 20 records in force`,
    )

    const versions = await history('38005')
    expect(versions.map(({ name, sequence: of }) => [name, of])).toEqual([
      ['Bệnh viện đa khoa khu vực Ngọc Lặc', 1],
      ['Bệnh viện đa khoa Ngọc Lặc', sequence],
    ])
    const [state] = await world.owner`
      select applied_at::text, kind, rows, opened, closed from feed_batch where sequence = ${sequence}`
    expect(state).toMatchObject({ kind: 'full', rows: 20, opened: 2, closed: 2 })
    // what was known at a state is what was open at its instant
    expect([versions[0]?.known_to, versions[1]?.known_from]).toEqual([state?.['applied_at'], state?.['applied_at']])
    expect(versions[1]?.known_to).toBe('infinity')
    expect(await history('38001')).toEqual(before)
    const entries = await world.owner`select body from log_entry order by leaf_index desc limit 1`
    expect(JSON.parse(entries[0]?.['body'])).toMatchObject({
      kind: 'feedApplied',
      facility: null,
      outcome: { feed: CATALOGUE_FEED, sequence, kind: 'full', rows: 20 },
    })
  })

  test('says how a facility stood on a day: its level by date, and that it was merged', async () => {
    const ranked = await find('38004')
    const gone = await find('38003')
    if (ranked === null || gone === null) throw new Error('the catalogue has both')
    expect(standingOn(ranked, isoDate('2026-06-30'))).toMatchObject({ level: 'basic', points: 66 })
    expect(standingOn(ranked, isoDate('2026-07-01'))).toMatchObject({ level: 'specialised', points: 71 })
    expect(gone).toMatchObject(MERGED)
    expect(standingOn(gone, isoDate('2026-06-30'))).toMatchObject({ level: 'specialised' })
    expect(standingOn(gone, isoDate('2026-07-01'))).toBeNull()
    const on = async (day: string) => (await listCodes(world.owner, isoDate(day))).map((each) => each.code)
    expect(await on('2026-06-30')).toContain('38003')
    expect(await on('2026-07-01')).not.toContain('38003')
    const [told] = await world.owner`select valid_to, level from facility where code = '38003'`
    expect(told).toEqual({ valid_to: '2026-06-30', level: 'specialised' })
  })

  test('is in once, however often it is given; another one under its number is refused', async () => {
    const before = await whole()
    expect(await insurer.give(sequence, merged)).toContain('in already')
    expect(await insurer.give(sequence - 1, FIRST)).toContain('overtaken')
    await expect(insurer.give(sequence, FIRST)).rejects.toEqual(isRefused(/another SHA-256/))
    expect(await whole()).toEqual(before)
  })

  test.each<[string, () => Promise<string>, RegExp]>([
    [
      'signed by another key',
      async () => insurer.write(sequence + 1, merged, { key: await makeSigningKey('catalogue-1') }),
      /feed_signature/,
    ],
    [
      'that is a delta',
      () => insurer.write(sequence + 1, merged, { kind: 'delta' }),
      /feed_manifest_invalid: wrong: kind/,
    ],
    ['that shrank', () => insurer.write(sequence + 1, merged.slice(2)), /18 usable rows, our copy 20/],
    [
      'whose rows cannot be taken',
      () =>
        insurer.write(
          sequence + 1,
          merged.map((each) => ({ ...each, beds: 1 })),
        ),
      /0 usable rows/,
    ],
  ])('%s is refused, and nothing is changed', async (_what, write, why) => {
    const before = await whole()
    await expect(insurer.take(await write())).rejects.toEqual(isRefused(why))
    expect(await whole()).toEqual(before)
  })

  test('with a bad row takes the others; the facility of that row stays as it was, and the next one settles it', async () => {
    const before = await history('38006')
    const bad = changed(merged, { '38006': { name: '' }, '38007': { name: 'Bệnh viện Mắt tỉnh Thanh Hóa' } })
    const [coverage] = rowsOf({ seed: 'catalogue', baseDate: isoDate('2026-11-24') }, 0, 1)
    const said = await insurer.give(++sequence, [...bad, bad[0], coverage])
    expect(said).toContain('1 versions opened, 1 closed, 3 rows quarantined; 20 records in force')
    expect(await history('38006')).toEqual(before)
    expect(await find('38007')).toMatchObject({ name: 'Bệnh viện Mắt tỉnh Thanh Hóa' })
    const kept = await world.owner<{ position: number; reason: string; sealed: Uint8Array }[]>`
      select position, reason, sealed from quarantine where not resolved order by position`
    expect(kept.map(({ position, reason }) => [position, reason])).toEqual([
      [5, 'facility_name'],
      [20, 'row_repeated'],
      [21, 'row_shape'],
    ])
    const keys = deriveDataKeys(world.dataKeys)
    const place = `${CATALOGUE_FEED}/${sequence}/5`
    expect(JSON.parse(open(keys, 'quarantine', place, kept[0]?.sealed ?? new Uint8Array()))).toMatchObject({
      code: '38006',
    })
    // whoever signs the catalogue says nothing of coverages: these wait for the next catalogue
    const deed = () => {
      throw new Error('nothing is to be applied')
    }
    expect(await replayQuarantine(world.owner, keys, deed)).toEqual({ applied: 0, overtaken: 0, kept: 3 })

    await insurer.give(++sequence, merged)
    expect(await world.owner`select from quarantine where not resolved`).toHaveLength(0)
  })

  test('that leaves a code out, accepted: it is no longer in the catalogue, and stays in its history', async () => {
    const rows = merged.slice(0, 18)
    const [left] = merged.slice(18)
    const path = await insurer.write(++sequence, rows)
    expect(await insurer.take(path, 'two were never contracted')).toContain('2 closed')
    expect(await find(left?.code ?? '')).toBeNull()
    expect((await history(left?.code ?? '')).map((each) => each.known_to === 'infinity')).toEqual([false])
    // clients refer to it
    expect(await world.owner`select from facility where code = ${left?.code ?? ''}`).toHaveLength(1)
    const [entry] = await world.owner`select body from log_entry order by leaf_index desc limit 1`
    expect(JSON.parse(entry?.['body']).outcome).toMatchObject({ rows: 18, shrink: 'accepted' })
  })

  test('is not rolled back, least of all as if it were coverages', async () => {
    const before = await whole()
    await expect(rollBack(world.owner, CATALOGUE_FEED, world.dataKeys, 'why', () => {})).rejects.toEqual(
      isRefused(/is not rolled back/),
    )
    expect(await whole()).toEqual(before)
  })
})

test('a facility that ended would lose its keys unasked, be given new ones, or nobody would be told of it', async () => {
  const ended = changed(merged.slice(0, 18), { '38002': { validTo: '2026-10-31', mergedInto: '38001' } })
  const said = await insurer.give(++sequence, ended)
  expect(said).toContain('38002 ended on 2026-10-31 (merged into 38001) and has keys in force')
  const [key] = await world.owner`select revoked_at from client_key where client_id = 'facility:38002'`
  expect(key).toEqual({ revoked_at: null })
  const keys = await keysFolder(world)
  const env = { DATA_KEYS_FILE: `${keys.path}/data-keys.json`, DATABASE_URL: world.ownerUrl }
  const { code, stderr } = await kiemthe(['facility', 'add', '38002'], env)
  await keys.remove()
  expect([code, stderr]).toEqual([2, expect.stringContaining('to 2026-10-31 only; it was merged into 38001')])
})

test('codes would be opened for the whole country unasked', async () => {
  const [one, two, ...rest] = merged.slice(0, 18)
  if (one === undefined || two === undefined) throw new Error('there are eighteen')
  const elsewhere = { ...two, code: '40001', province: '40', validTo: null, mergedInto: null }
  await insurer.give(++sequence, [one, two, ...rest, elsewhere])
  const keys = await keysFolder(world)
  const env = { DATA_KEYS_FILE: `${keys.path}/data-keys.json`, DATABASE_URL: world.ownerUrl }
  const all = (...more: string[]) => kiemthe(['facility', 'add', '--all', ...more], env)
  const opened = async () => Number((await world.owner`select count(*) as n from enrolment`)[0]?.['n'])
  const before = await opened()
  expect(await all()).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--province 38') })
  expect(await all('--province', '39')).toMatchObject({ code: 2, stdout: '' })
  expect(await opened()).toBe(before)
  const { code, stdout } = await all('--province', '40')
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^40001\t[0-9A-Z-]+\n$/)])
  await keys.remove()
})

describe('a catalogue that the insurer offers', () => {
  let server: Insurer
  let syncing: Sql
  let job: PullJob
  let said: string[]

  beforeAll(async () => {
    server = await startInsurer({
      folder: insurer.folder,
      key: insurer.key,
      catalogueKey: insurer.key,
      feed: 'vss',
      sequence: 1,
      plan: { province: { seed: 'catalogue', baseDate: isoDate('2026-11-24') }, records: 1, changes: 0, people: 'all' },
      encoding: 'plain',
      now: () => new Date(),
    })
    // with the grants that the command has
    syncing = connect(world.syncUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe pull' })
    const keys = deriveDataKeys(world.dataKeys)
    job = pullJob(syncing, { keys }, CATALOGUE_FEED, (line) => said.push(line))
  })

  beforeEach(() => {
    said = []
  })

  afterAll(async () => {
    await syncing?.end({ timeout: 5 })
    await server?.close()
  })

  const pull = () => pullCatalogue(job, server.url)
  const watermark = async () =>
    (
      await world.owner`
      select sequence, rows, refused_sequence > sequence as refused from feed_watermark where feed = ${CATALOGUE_FEED}`
    )[0]
  const ended = changed(merged, { '38002': { validTo: '2026-10-31', mergedInto: '38001' } })

  test('would not be taken by the role that pulls, or an older one of two would', async () => {
    await insurer.write(++sequence, FIRST)
    await insurer.write(++sequence, [...ended, { ...FIRST[0], code: '38997', name: '' }])
    expect(await pull()).toEqual([])
    expect(await watermark()).toMatchObject({ sequence, rows: 20, refused: null })
    expect(await find('38003')).toMatchObject(MERGED)
    expect(said).toEqual([
      `catalogue ${sequence} is in: 20 facilities, 1 rows quarantined`,
      expect.stringContaining('38002 ended on 2026-10-31 (merged into 38001) and has keys in force'),
    ])
    const [entry] = await world.owner`select body from log_entry order by leaf_index desc limit 1`
    expect(JSON.parse(entry?.['body'])).toMatchObject({ kind: 'feedApplied', outcome: { sequence, kind: 'full' } })
    // its states are those of the command: the same again is nothing new
    const before = await whole()
    await pull()
    expect(await whole()).toEqual(before)
  })

  test.each<[Fault, boolean]>([
    ['badSignature', true],
    ['truncated', true],
    ['reset', false],
    ['unavailable', false],
  ])('after %s would be half taken, or not when it comes whole', async (fault, refused) => {
    await insurer.write(++sequence, changed(ended, { '38006': { name: `Bệnh viện ${fault}` } }))
    const before = await whole()
    server.fault(fault)
    await expect(pull()).rejects.toThrow()
    const { watermark: _, ...after } = await whole()
    expect(before).toMatchObject(after)
    // known to be missing, as a delta is, until it is here
    expect((await watermark())?.['refused'] === true).toBe(refused)
    await pull()
    expect(await watermark()).toMatchObject({ sequence })
    expect(await find('38006')).toMatchObject({ name: `Bệnh viện ${fault}` })
  })

  test.each<[string, readonly unknown[]]>([
    ['too few', ended.slice(2)],
    ['too few that can be taken', ended.map((each, i) => (i < 2 ? { ...each, validFrom: 'soon' } : each))],
  ])('with %s facilities would be believed without an operator', async (_, rows) => {
    const path = await insurer.write(++sequence, rows)
    const before = await whole()
    await expect(pull()).rejects.toThrow(/18 usable rows, ours 20/)
    expect((await whole()).versions).toEqual(before.versions)
    expect(await watermark()).toMatchObject({ sequence: sequence - 1, refused: true })
    await insurer.take(path, 'two were never contracted')
    expect(await watermark()).toMatchObject({ sequence, refused: false })
    await insurer.give(++sequence, ended)
  })

  test('would be the first one: that, and its making, is the owner’s', async () => {
    const kept = await world.owner`delete from feed_watermark where feed = ${CATALOGUE_FEED} returning *`
    try {
      await insurer.write(++sequence, FIRST)
      expect(await pull()).toEqual([])
      expect(await watermark()).toBeUndefined()
    } finally {
      await world.owner`insert into feed_watermark ${world.owner(kept[0] ?? {})}`
    }
  })

  test('would not be made by the insurer’s mock, edition by edition', async () => {
    const edition = await server.produceCatalogue()
    expect(edition).toBe(sequence + 1)
    await pull()
    expect(await watermark()).toMatchObject({ sequence: edition, rows: catalogueRows(edition).length })
  })
})
