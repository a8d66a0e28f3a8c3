import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dailyOperations } from '../../mocks/insurer/daily.ts'
import { type FeedFile, writeFeedFile } from '../../mocks/insurer/feed-file.ts'
import { type Fault, type Insurer, startInsurer } from '../../mocks/insurer/server.ts'
import { rowsOf } from '../../mocks/province/person.ts'
import { addDays, todayInVietnam } from '../../src/calendar.ts'
import { rollBack, takeFeed } from '../../src/cli/import.ts'
import { renameAll } from '../../src/cli/keys/rename.ts'
import { pullJob, pullLoop } from '../../src/cli/pull.ts'
import { findSealed, openRead } from '../../src/coverage/store.ts'
import { type DataKeys, deriveDataKeys, lookupKey, namesOf } from '../../src/data-keys.ts'
import { connect, type Sql } from '../../src/db/connect.ts'
import { applyDelta } from '../../src/sync/delta/apply.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import { readManifest } from '../../src/sync/manifest.ts'
import { type PullJob, pullPass } from '../../src/sync/pull.ts'
import { replayQuarantine } from '../../src/sync/quarantine/replay.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { kiemthe } from '../support/kiemthe.ts'
import { createWorld, post, type Running, type World } from '../support/service.ts'

const today = todayInVietnam(new Date())
const province = { seed: 'delta', baseDate: today }
const RECORDS = 300
const rows = rowsOf(province, 0, RECORDS)

let world: World
let keys: DataKeys
let folder: string
/** With the grants that the command has. */
let syncing: Sql
let job: PullJob
let said: string[]
let insurer: Insurer | null = null

beforeEach(async () => {
  world = await createWorld(rows)
  keys = deriveDataKeys(world.dataKeys)
  folder = await mkdtemp(join(tmpdir(), 'kiemthe-feed-'))
  said = []
  syncing = connect(world.syncUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'kiemthe pull' })
  job = pullJob(syncing, { keys }, 'vss', (line) => said.push(line))
})

afterEach(async () => {
  await insurer?.close()
  insurer = null
  await rm(folder, { recursive: true, force: true })
  await syncing?.end({ timeout: 5 })
  await world?.close()
})

function feedKey() {
  const pair = world.clients.get('feed:vss')
  if (pair === undefined) throw new Error('the world has a feed')
  return pair
}

interface Made {
  readonly manifest: string
  readonly bytes: Buffer
}

async function make(sequence: number, lines: readonly unknown[], of: Partial<FeedFile> = {}): Promise<Made> {
  const created = new Date()
  const file = { feed: 'vss', sequence, kind: 'delta', encoding: 'gzip', asOf: created, created, ...of } as const
  const { manifest, path } = await writeFeedFile(folder, feedKey(), file, lines)
  const { file: name } = JSON.parse(Buffer.from(manifest.split('.')[1] ?? '', 'base64url').toString())
  return { manifest, bytes: await readFile(join(path, '..', name)) }
}

async function push(running: Running, { manifest, bytes }: Made, client = 'feed:vss') {
  const response = await fetch(`${running.url}/v1/sync/batches`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await world.token(client)}`,
      'content-type': 'application/octet-stream',
      'feed-manifest': manifest,
    },
    body: bytes,
  })
  return { status: response.status, body: JSON.parse(await response.text()) }
}

async function status(running: Running) {
  const headers = { authorization: `Bearer ${await world.token('feed:vss')}` }
  return JSON.parse(await (await fetch(`${running.url}/v1/sync/status`, { headers })).text()).feeds[0]
}

async function ready(running: Running) {
  return JSON.parse(await (await fetch(`${running.url}/health/ready`)).text())
}

/** Of this release's own data: somebody who can be asked for by typing. */
const isAnswered = (each: FeedRow) =>
  each.status === 'active' && each.citizenId !== null && each.coverageNo === 1 && (each.validTo ?? today) >= today

async function told(running: Running, { citizenId, fullName, dateOfBirth }: FeedRow) {
  const evidence = { kind: 'chipIdTyped', number: citizenId, fullName, dateOfBirth }
  const token = await world.token('facility:38001')
  return (await post(running.url, token, { evidence, serviceDate: today, purpose: 'arrival' })).body
}

async function facts(number: string) {
  const [read] = await findSealed(world.owner, [namesOf(keys, number)])
  if (read === undefined) throw new Error('one key was asked for')
  return openRead(keys, read)
    .coverages.map((each) => each.facts)
    .toSorted((a, b) => a.coverageNo - b.coverageNo)
}

async function whole() {
  return {
    versions: await world.owner`
      select subject, coverage_no, tag, feed_sequence, known_to = 'infinity' as current from coverage order by 1, 2, known_from`,
    aliases: await world.owner`select alias, subject from alias order by 1`,
    watermark: await world.owner`select sequence, rows from feed_watermark where feed = 'vss'`,
    entries: (await world.owner`select count(*)::int as n from log_entry`)[0]?.['n'],
  }
}

const row = (i: number) => rows[i] as FeedRow
const put = (i: number, change: Partial<FeedRow> = {}) => ({ op: 'put', ...row(i), ...change })
const revoke = (i: number) => put(i, { status: 'revoked', statusFrom: today })

describe('a pushed delta', () => {
  test('is kept, then in the copy with the watermark; the same again changes nothing', async () => {
    const running = await world.start()
    const lines = [
      revoke(0),
      put(1, { registeredFacility: '01C54' }),
      put(2),
      {
        op: 'remove',
        citizenId: row(3).citizenId,
        insuranceNumber: row(3).insuranceNumber,
        coverageNo: row(3).coverageNo,
      },
    ]
    const batch = await make(2, lines)
    expect(await push(running, batch)).toEqual({
      status: 202,
      body: { feed: 'vss', sequence: 2, state: 'waiting', missing: [] },
    })
    expect(await push(running, batch)).toMatchObject({ status: 202, body: { state: 'waiting' } })
    expect(await status(running)).toMatchObject({ sequence: 1, waiting: [2], missing: [] })
    expect(await pullPass(job, null)).toEqual([])
    expect(await facts(row(0).insuranceNumber)).toMatchObject([{ status: 'revoked', statusFrom: today }])
    expect(await facts(row(1).insuranceNumber)).toMatchObject([{ registeredFacility: '01C54' }])
    expect(await facts(row(3).insuranceNumber)).toEqual([])
    expect(await status(running)).toMatchObject({ sequence: 2, waiting: [], records: RECORDS - 1, quarantined: 0 })
    const before = await whole()
    expect(before.versions.length).toBe(RECORDS + 2) // the third line says what was known
    expect(await push(running, batch)).toMatchObject({ status: 200, body: { state: 'applied' } })
    expect(await push(running, await make(2, [revoke(9)]))).toMatchObject({
      status: 409,
      body: { code: 'feed_sequence' },
    })
    await pullPass(job, null)
    expect(await whole()).toEqual(before)
    expect(await world.owner`select from feed_inbox_part`).toHaveLength(0)
  })

  test('beside a rotation of the lookup key would come in under names that nobody will ask for: it waits', async () => {
    const running = await world.start()
    const batch = await make(2, [revoke(0)])
    await push(running, batch)
    const second = Buffer.alloc(32, 7).toString('base64')
    const rotation = { step: 'added', at: new Date().toISOString() } as const
    const lookup = { current: 1, generations: { '1': String(world.dataKeys.lookup), '2': second }, rotation }
    const renaming = { keys: deriveDataKeys({ ...world.dataKeys, lookup }) }
    const held = pullJob(syncing, renaming, 'vss', () => {})
    await pullPass(held, null)
    expect(await status(running)).toMatchObject({ sequence: 1, waiting: [2] })
    const path = join(folder, 'delta.jws')
    await writeFile(path, batch.manifest)
    const take = {
      ownerUrl: world.ownerUrl,
      dataKeys: { ...world.dataKeys, lookup },
      shrinkMaxPercent: 5,
      acceptShrink: null,
      say: () => {},
    }
    await expect(takeFeed(path, take)).rejects.toThrow('rotation of the lookup key')
    await expect(rollBack(world.owner, 'vss', take.dataKeys, 'why', () => {})).rejects.toThrow()
    renaming.keys = keys
    await pullPass(held, null)
    expect(await status(running)).toMatchObject({ sequence: 2, waiting: [] })
  })

  describe('that began before a rotation of the lookup key', () => {
    const second = Buffer.alloc(32, 7).toString('base64')
    const chain = () => ({ '1': String(world.dataKeys.lookup), '2': second })
    const renamedKeys = () => deriveDataKeys({ ...world.dataKeys, lookup: { current: 2, generations: chain() } })
    /** As `kiemthe keys rotate lookup` in its step `rename`, to its end. */
    const rename = () =>
      renameAll(
        world.owner,
        deriveDataKeys({
          ...world.dataKeys,
          lookup: {
            current: 1,
            generations: chain(),
            rotation: { step: 'added', at: new Date().toISOString() },
          },
        }),
        () => {},
      )

    test.each<[string, number]>([
      ['', 2],
      [' and waits for another one', 5],
    ])('would come in under names that nobody asks for%s: it is read again', async (_, sequence) => {
      const { manifest, bytes } = await make(sequence, [revoke(0), put(1, { coverageNo: 7 })])
      const read = await readManifest((run) => run(world.owner), manifest, new Date())
      const untilRenamed = async function* () {
        yield bytes.subarray(0, 20)
        await rename()
        yield bytes.subarray(20)
      }
      expect(await applyDelta(syncing, keys, read, untilRenamed(), job.deed)).toEqual({ state: 'renamed' })
      const former = await world.owner`select from coverage where renamed_to is null`
      expect(former).toHaveLength(0)
      expect((await whole()).watermark).toMatchObject([{ sequence: 1 }])
      keys = renamedKeys()
      const again = await applyDelta(syncing, keys, read, Readable.from([bytes], { objectMode: false }), job.deed)
      expect(again).toMatchObject(sequence === 2 ? { state: 'applied', changes: 2 } : { state: 'gap', endings: 1 })
      expect(await facts(row(0).insuranceNumber)).toMatchObject([{ status: 'revoked' }])
    })

    test('would be lost when people are renamed in the very moment it is applied: it stays in the inbox', async () => {
      const running = await world.start()
      await push(running, await make(2, [revoke(0)]))
      const sql = connect(world.syncUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'held delta' })
      const held = { keys }
      const loop = pullJob(sql, held, 'vss', () => {})
      try {
        const passing = await world.owner.begin(async (tx) => {
          await tx`update feed_watermark set lookup_generation = 2`
          const pass = pullPass(loop, null)
          // on another connection: a transaction sees one state of it
          const waits = async () =>
            (
              await world.owner`
              select from pg_stat_activity where application_name = 'held delta' and wait_event_type = 'Lock'`
            ).count
          await expect.poll(waits).toBe(1)
          return { pass }
        })
        expect(await passing.pass).toEqual([])
        expect(await status(running)).toMatchObject({ sequence: 1, waiting: [2] })
        await rename()
        held.keys = renamedKeys()
        await pullPass(loop, null)
        keys = held.keys
        expect(await facts(row(0).insuranceNumber)).toMatchObject([{ status: 'revoked' }])
      } finally {
        await sql.end()
      }
    })
  })

  test('after a gap is held and the gap is named; what ends a card does not wait, and an older batch does not undo it', async () => {
    const running = await world.start()
    await push(running, await make(4, [revoke(0), put(1, { registeredFacility: '01C54' })]))
    expect(await pullPass(job, null)).toEqual([{ from: 2, to: 3 }])
    expect(await status(running)).toMatchObject({ sequence: 1, waiting: [4], missing: [{ from: 2, to: 3 }] })
    expect(await facts(row(0).insuranceNumber)).toMatchObject([{ status: 'revoked' }])
    expect(await facts(row(1).insuranceNumber)).toMatchObject([{ registeredFacility: row(1).registeredFacility }])
    // whoever is told "no" or "do not know" is told that the copy lacks something; a "yes" is not put in doubt
    expect(await ready(running)).toEqual({ status: 'degraded', reasons: ['feedGap'] })
    const active = rows.find((each, i) => i > 1 && isAnswered(each)) as FeedRow
    const nobody = { ...active, citizenId: '038090999999' }
    expect(await told(running, active)).toMatchObject({ code: 'valid', warnings: [] })
    expect(await told(running, row(0))).toMatchObject({ warnings: ['copyLate'] })
    const no = await told(running, nobody)
    expect(no).toMatchObject({ code: 'no_match', warnings: expect.arrayContaining(['copyLate']) })
    expect([no.desk, no.integrator]).toEqual([
      expect.stringContaining('cập nhật chậm'),
      expect.stringContaining('missing'),
    ])
    const entries = (await whole()).entries
    await pullPass(job, null)
    expect((await whole()).entries).toBe(entries) // waiting costs nothing
    expect(await push(running, await make(3, [put(0, { registeredFacility: '38002' })]))).toMatchObject({
      body: { state: 'held', missing: [{ from: 2, to: 2 }] },
    })
    expect(await push(running, await make(2, [put(1, { registeredFacility: '38002' })]))).toMatchObject({
      body: { state: 'waiting' },
    })
    expect(await pullPass(job, null)).toEqual([])
    expect(await status(running)).toMatchObject({ sequence: 4, waiting: [], missing: [] })
    expect(await ready(running)).toEqual({ status: 'ready', reasons: [] })
    expect((await told(running, nobody)).warnings).not.toContain('copyLate')
    expect(await facts(row(0).insuranceNumber)).toMatchObject([{ status: 'revoked' }])
    expect(await facts(row(1).insuranceNumber)).toMatchObject([{ registeredFacility: '01C54' }])
    // what was known of the first one never went back to "active"
    const seen =
      await world.owner`select status from coverage where subject = ${lookupKey(keys, row(0).citizenId ?? row(0).insuranceNumber)} order by known_from`
    expect(seen.map((each) => each['status'])).toEqual([row(0).status, 'revoked'])
  })

  test.each<[string, (made: Made) => Promise<Made> | Made, number, string]>([
    [
      'a file that was cut',
      ({ manifest, bytes }) => ({ manifest, bytes: bytes.subarray(0, -4) }),
      422,
      'feed_file_differs',
    ],
    [
      'a longer file',
      ({ manifest, bytes }) => ({ manifest, bytes: Buffer.concat([bytes, bytes]) }),
      422,
      'feed_file_differs',
    ],
    [
      'a changed file',
      ({ manifest, bytes }) => ({ manifest, bytes: Buffer.from(bytes.map((each, i) => (i === 30 ? each ^ 1 : each))) }),
      422,
      'feed_file_differs',
    ],
    [
      'a changed manifest',
      ({ manifest, bytes }) => ({ manifest: `${manifest.slice(0, -8)}AAAAAAAA`, bytes }),
      403,
      'feed_signature',
    ],
    ['no manifest', ({ bytes }) => ({ manifest: 'x', bytes }), 400, 'feed_manifest_invalid'],
    ['a full feed', () => make(2, rows, { kind: 'full' }), 409, 'feed_sequence'],
    ['another feed’s', () => make(2, [revoke(0)], { feed: 'other' }), 403, 'feed_signature'],
  ])('that is %s is refused, and nothing of it is kept', async (_what, spoil, wanted, code) => {
    const running = await world.start()
    const before = await whole()
    expect(await push(running, await spoil(await make(2, [revoke(0)])))).toMatchObject({
      status: wanted,
      body: { code },
    })
    await expect
      .poll(async () => (await world.owner`select from feed_inbox_part union all select from feed_inbox`).length)
      .toBe(0)
    await pullPass(job, null)
    expect(await whole()).toEqual(before)
    expect(await push(running, await make(2, [revoke(0)]))).toMatchObject({ status: 202 })
  })

  test('is checked again before it is applied: a key that was revoked meanwhile signs for nothing', async () => {
    const running = await world.start()
    await push(running, await make(2, [revoke(0)]))
    await world.owner`update client_key set revoked_at = now() where client_id = 'feed:vss'`
    const before = await whole()
    await pullPass(job, null)
    expect(said).toEqual([expect.stringContaining('batch 2 was refused: feed_signature')])
    expect(await whole()).toEqual(before)
    // known to be missing, until it is here
    expect(await ready(running)).toEqual({ status: 'degraded', reasons: ['feedBatchRefused'] })
    await world.owner`update client_key set revoked_at = null`
    expect(await status(running)).toMatchObject({ waiting: [], missing: [{ from: 2, to: 2 }] })
    await push(running, await make(2, [revoke(0)]))
    await pullPass(job, null)
    expect(await ready(running)).toEqual({ status: 'ready', reasons: [] })
  })
})

describe('a row that cannot be taken', () => {
  test('does not stop its delta, and is taken by a replay once it can be, unless a later batch spoke of it', async () => {
    const running = await world.start()
    const foreign = { op: 'put', ...row(7), coverageNo: 5, formerNumbers: [row(8).citizenId] }
    await push(running, await make(2, ['{', put(5, { status: 'asleep' as FeedRow['status'] }), foreign, revoke(6)]))
    await pullPass(job, null)
    expect(await status(running)).toMatchObject({ sequence: 2, quarantined: 3 })
    expect(await facts(row(6).insuranceNumber)).toMatchObject([{ status: 'revoked' }])
    const [own] = await facts(row(8).citizenId ?? '')
    expect(own?.cardNumber).toBe(row(8).cardNumber)
    const reasons = await world.owner`select reason from quarantine order by position`
    expect(reasons.map((each) => each['reason'])).toEqual(['row_not_json', 'status_unknown', 'number_taken'])
    const ready = await fetch(`${running.url}/health/ready`)
    expect(await ready.json()).toMatchObject({ status: 'degraded', reasons: ['rowsInQuarantine'] })

    const deed = job.deed
    expect(await replayQuarantine(world.owner, keys, deed)).toEqual({ applied: 0, overtaken: 0, kept: 3 })
    // the person whose number it was is gone from the records: now it is free
    const gone = [row(8)].map((each) => ({
      op: 'remove',
      citizenId: each.citizenId,
      insuranceNumber: each.insuranceNumber,
      coverageNo: each.coverageNo,
    }))
    await push(running, await make(3, gone))
    await pullPass(job, null)
    expect(await replayQuarantine(world.owner, keys, deed)).toEqual({ applied: 1, overtaken: 0, kept: 2 })
    expect((await facts(row(7).insuranceNumber)).map((each) => each.coverageNo)).toContain(5)
    expect(await status(running)).toMatchObject({ sequence: 3, quarantined: 2 })
  })

  test('would be listed by the command without its place, or with what it says; or come back behind a later word', async () => {
    const running = await world.start()
    const claims = (i: number) => put(i, { formerNumbers: [row(8).citizenId ?? ''] })
    const removes = ({ citizenId, insuranceNumber, coverageNo }: FeedRow) => {
      return { op: 'remove', citizenId, insuranceNumber, coverageNo }
    }
    await push(running, await make(2, [claims(7), claims(9), claims(10)]))
    // its number is free then; of two of the three the insurer speaks again, and says otherwise
    await push(running, await make(3, [removes(row(8)), put(7, { registeredFacility: '38002' }), removes(row(9))]))
    await pullPass(job, null)
    const files = await keysFolder(world)
    const env = { DATA_KEYS_FILE: join(files.path, 'data-keys.json'), DATABASE_URL: world.ownerUrl }
    const listed = await kiemthe(['quarantine', 'list'], env)
    const seenAt = expect.any(String)
    expect(
      listed.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([0, 1, 2].map((position) => ({ feed: 'vss', sequence: 2, position, reason: 'number_taken', seenAt })))
    expect(listed.stderr).toBe('vss 2: 3 × number_taken\n')
    const replayed = await kiemthe(['quarantine', 'replay'], env)
    await files.remove()
    expect(replayed.stderr).toBe('1 rows applied, 2 overtaken by later batches, 0 kept\n')
    expect(await facts(row(7).insuranceNumber)).toMatchObject([{ registeredFacility: '38002' }])
    expect(await facts(row(9).insuranceNumber)).toEqual([])
    expect(await facts(row(8).citizenId ?? '')).toEqual(await facts(row(10).insuranceNumber))
    expect(await status(running)).toMatchObject({ sequence: 3, quarantined: 0 })
  })
})

test('a number that was re-issued leads to the person with the new one, and the records under the old one are over', async () => {
  const running = await world.start()
  const old = rows.find((each) => each.citizenId !== null && each.coverageNo === 1) as FeedRow
  const number = '038090999999'
  const now = { ...old, citizenId: number, formerNumbers: [old.citizenId, ...old.formerNumbers] }
  await push(running, await make(2, [{ op: 'put', ...now }]))
  await pullPass(job, null)
  const wanted = [expect.objectContaining({ cardNumber: old.cardNumber })]
  for (const each of [number, old.citizenId ?? '', old.insuranceNumber]) expect(await facts(each)).toEqual(wanted)
  const current =
    await world.owner`select from coverage where known_to = 'infinity' and subject = ${lookupKey(keys, old.citizenId ?? '')}`
  expect(current).toHaveLength(0)
  expect(await status(running)).toMatchObject({ quarantined: 0, records: RECORDS })
})

test('a past day is answered by the status that held then, as far as known now', async () => {
  const running = await world.start()
  const someone = rows.find(
    (each) => each.status === 'active' && each.citizenId !== null && each.dateOfBirth.length === 10,
  ) as FeedRow
  const days = [-40, -20, -10, -1].map((each) => addDays(today, each))
  const [before = today, held = today, freed = today, yesterday = today] = days
  const put = (sequence: number, change: Partial<FeedRow>) =>
    make(sequence, [{ op: 'put', ...someone, validFrom: '2026-01-01', validTo: '2026-12-31', ...change }])
  await push(running, await put(2, { status: 'held', statusFrom: held }))
  await push(running, await put(3, { status: 'active', statusFrom: freed }))
  await pullPass(job, null)
  const token = await world.token('facility:38001')
  const { citizenId, fullName, dateOfBirth } = someone
  const evidence = { kind: 'chipIdTyped', number: citizenId, fullName, dateOfBirth }
  const code = async (serviceDate: string) =>
    (await post(running.url, token, { evidence, serviceDate, purpose: 'arrival' })).body.code
  expect([await code(before), await code(held), await code(yesterday), await code(today)]).toEqual([
    'valid',
    'held',
    'valid',
    'valid',
  ])
  // it was a mistake, says the insurer: nothing was ever held
  await push(running, await put(4, { status: 'active', statusFrom: null }))
  await pullPass(job, null)
  expect([await code(before), await code(held)]).toEqual(['valid', 'valid'])
})

describe('deltas that the insurer offers', () => {
  const plan = { province, records: RECORDS, changes: 30, people: 'all' as const }

  beforeEach(async () => {
    insurer = await startInsurer({
      folder,
      key: feedKey(),
      feed: 'vss',
      sequence: 1,
      plan,
      encoding: 'zstd',
      now: () => new Date(),
    })
  })

  test.each<[Fault, number]>([
    ['badSignature', 1],
    ['truncated', 1],
    ['duplicate', 0],
    ['slow', 0],
    ['reset', 1],
    ['unavailable', 1],
  ])('are all in at the end, after %s', async (fault, failures) => {
    const { url, produce, fault: inject } = insurer as Insurer
    for (let day = 1; day <= 2; day++) await produce()
    await pullPass(job, url)
    await produce()
    inject(fault)
    let failed = 0
    await pullPass(job, url).catch(() => failed++)
    expect(failed).toBe(failures)
    const [known] =
      await world.owner`select refused_sequence > sequence as refused from feed_watermark where feed = 'vss'`
    expect(known?.['refused'] === true).toBe(failures > 0 && fault !== 'unavailable')
    await pullPass(job, url)
    expect((await whole()).watermark).toMatchObject([{ sequence: 4 }])
    // the last word of each record
    const last = new Map<string, unknown>()
    for (const each of rows) last.set(`${each.citizenId}/${each.coverageNo}`, { op: 'put', ...each })
    for (let day = 1; day <= 3; day++)
      for (const each of dailyOperations(plan, day)) last.set(`${each.citizenId}/${each.coverageNo}`, each)
    for (const each of last.values() as Iterable<FeedRow & { op: string }>) {
      const found = (await facts(each.citizenId ?? each.insuranceNumber)).filter(
        ({ coverageNo }) => coverageNo === each.coverageNo,
      )
      expect(found).toMatchObject(
        each.op === 'remove'
          ? []
          : [{ status: each.status, registeredFacility: each.registeredFacility, validFrom: each.validFrom }],
      )
    }
  })

  test('would hold up what was pushed while their server does not answer', async () => {
    const running = await world.start()
    const asks: IncomingMessage[] = []
    const silent = createServer((request) => void asks.push(request)).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const stop = new AbortController()
    const { port } = silent.address() as AddressInfo
    // of an upload that broke off, two hours ago
    await world.owner`
      insert into feed_inbox_part (upload, part, sealed, received_at)
      values (gen_random_uuid(), 0, '', now() - interval '2 hours')`
    const loop = pullLoop(job, `http://127.0.0.1:${port}`, 1_000, (line) => said.push(line), stop.signal)
    try {
      await expect.poll(() => asks.length).toBe(1)
      await push(running, await make(2, [revoke(0)]))
      await expect.poll(async () => (await status(running)).sequence, { timeout: 30_000 }).toBe(2)
      expect([asks.length, asks[0]?.destroyed]).toEqual([1, false]) // it waits for that answer still
      await expect.poll(async () => (await world.owner`select from feed_inbox_part`).count).toBe(0)
      expect(asks[0]?.destroyed).toBe(false)
    } finally {
      stop.abort()
      silent.closeAllConnections()
      await loop
      silent.close()
    }
  })

  test('wait for one that is not offered', async () => {
    const { url, produce, fault: inject } = insurer as Insurer
    await produce()
    await produce()
    inject('gap')
    expect(await pullPass(job, url)).toEqual([{ from: 2, to: 2 }])
    expect((await whole()).watermark).toMatchObject([{ sequence: 1 }])
    expect(await pullPass(job, url)).toEqual([])
    expect((await whole()).watermark).toMatchObject([{ sequence: 3 }])
  })
})
