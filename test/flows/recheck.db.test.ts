import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openDetails } from '../../src/audit/log.ts'
import { findEntry } from '../../src/audit/store.ts'
import { type OpenJob, openJob } from '../../src/cli/job.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import type { Job } from '../../src/scope.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import { catchUp, rebuild, recheckPass } from '../../src/unverified-visit/recheck.ts'
import { asking, card, day, record, scan, secretsOf, send, typed } from '../http/http-support.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { kiemthe, startKiemthe } from '../support/kiemthe.ts'
import { logState, sound } from '../support/log.ts'
import {
  createWorld,
  loadRows,
  PUBLIC_URL,
  type Running,
  SERVICE_ID,
  testConfig,
  type World,
} from '../support/service.ts'

const PATH = '/v1/unverified-visits'
const MINUTE = 60_000
const DAY = 86_400_000

let world: World
let running: Running
let token: string
let open: OpenJob
let told: string[]

/** Each test has a world of its own: what our copy holds, and when, is the matter. */
async function begin(rows: readonly FeedRow[]): Promise<void> {
  world = await createWorld(rows)
  running = await world.start()
  token = await world.token('facility:38001')
  const config = testConfig(world.appUrl, { COPY_STALE_AFTER_HOURS: '9999' })
  open = await openJob(
    config,
    world.dataKeys,
    { error: (...said: unknown[]) => told.push(JSON.stringify(said)) },
    'recheck',
  )
}

beforeEach(() => {
  told = []
})

afterEach(async () => {
  await open?.close()
  await world?.close()
})

/** The job at another time. */
function at(laterMs: number, job: Job = open.job): Job {
  return { ...job, now: () => new Date(Date.now() + laterMs) }
}

const most = () => 1

function ago(ms: number): string {
  return new Date(Date.now() - ms).toISOString()
}

let visits = 0

async function tell(evidence: unknown, members: Record<string, unknown> = {}, as = token): Promise<string> {
  const body = {
    visitId: `visit-${++visits}`,
    presentedAt: ago(10 * MINUTE),
    failures: [{ at: ago(9 * MINUTE), code: '500' }],
    ...(evidence === null ? {} : { evidence }),
    ...members,
  }
  const reply = await send(running.url, { path: PATH, token: as, body })
  expect(reply.status).toBe(201)
  return String(reply.json.id)
}

async function show(id: string) {
  const reply = await send(running.url, { method: 'GET', path: `${PATH}/${id}`, token })
  expect(reply.status).toBe(200)
  return reply.json
}

/** The entries that say how a visit ended, read off the log. */
async function endsOf(id: string): Promise<string[]> {
  const rows = await world.owner<{ body: string }[]>`select body from log_entry order by leaf_index`
  return rows
    .map((row) => JSON.parse(row.body))
    .filter((body) => body.outcome.unverifiedVisit === Number(id.slice(3)))
    .map((body) => body.kind)
}

async function environment() {
  const keys = await keysFolder(world)
  const env = {
    PUBLIC_URL,
    SERVICE_ID,
    DATABASE_URL: world.appUrl,
    DATA_KEYS_FILE: `${keys.path}/data-keys.json`,
    TOKEN_KEYS_FILE: `${keys.path}/token-keys.json`,
  }
  return { env, keys }
}

/** More than one statement takes, of each kind. */
async function leaveDeadKeys(): Promise<void> {
  await world.owner`
    with keys as (
      insert into idempotency (log_id, key, request_digest, claimed_at)
      select 1, gen_random_uuid(), gen_random_uuid(), now() - interval '14 days 1 minute' from generate_series(1, 2500)
    )
    insert into jti (client_id, jti, expires_at)
    select 'facility:38001', n::text, now() - interval '1 second' from generate_series(1, 1200) n`
}

async function keysLeft() {
  const [left] = await world.owner<{ dead: number; assertions: number; alive: number }[]>`
    select count(*) filter (where claimed_at < now() - interval '14 days')::int as dead,
           count(*) filter (where claimed_at >= now() - interval '14 days')::int as alive,
           (select count(*)::int from jti) as assertions
      from idempotency`
  return left
}

async function logSize(): Promise<number> {
  return (await logState(world.owner)).size
}

describe('an outage', () => {
  test('of our copy: the visit waits, no entry an attempt; when the copy is there it is looked up, once', async () => {
    await begin([])
    const someone = record()
    const id = await tell(scan(someone))
    const size = await logSize()

    expect(await recheckPass(at(0), most)).toEqual({ checked: 0, waiting: 0, closed: 0 }) // not due yet
    expect(await recheckPass(at(2 * MINUTE), most)).toEqual({ checked: 0, waiting: 1, closed: 0 })
    expect(await recheckPass(at(3 * MINUTE), most)).toEqual({ checked: 0, waiting: 0, closed: 0 }) // two minutes now
    expect(await recheckPass(at(5 * MINUTE), most)).toEqual({ checked: 0, waiting: 1, closed: 0 })
    expect(await logSize()).toBe(size)
    const waiting = await show(id)
    expect(waiting).toMatchObject({ status: 'open', attempts: 2, lastCode: 'source_failed', outcome: null })
    expect(Date.parse(String(waiting['nextCheckAt'])) - Date.parse(String(waiting['lastAttemptAt']))).toBe(4 * MINUTE)

    await loadRows(world.owner, world.dataKeys, [someone], new Date())
    expect(await recheckPass(at(10 * MINUTE), most)).toEqual({ checked: 1, waiting: 0, closed: 0 })
    const checked = await show(id)
    expect(checked).toMatchObject({ status: 'checked', attempts: 2, nextCheckAt: null, legalRecord: null })
    const outcome = checked['outcome'] as { id: string; code: string; serviceDate: string }
    expect(outcome).toMatchObject({ code: 'valid', id: `v1-${size}` })
    const byId = await send(running.url, { method: 'GET', path: `/v1/verifications/${outcome.id}`, token })
    expect(byId.json).toEqual(outcome)
    expect(await endsOf(id)).toEqual(['verification'])
    expect(await recheckPass(at(20 * DAY), most)).toEqual({ checked: 0, waiting: 0, closed: 0 })
    expect(await logState(world.owner)).toEqual(sound(size + 1))
  })

  test('of the read: told to operators, and the visit waits', async () => {
    const someone = record()
    await begin([someone])
    const id = await tell(scan(someone))
    const blind = { ...open.job, findCoverage: () => Promise.reject(new Error(someone.fullName)) }
    expect(await recheckPass(at(2 * MINUTE, blind), most)).toMatchObject({ waiting: 1 })
    expect(told.length).toBe(1)
    expect(told[0]).not.toContain(someone.fullName)
    expect(await show(id)).toMatchObject({ status: 'open', lastCode: 'source_failed' })
  })

  test('of the log: nothing is lost, the visit comes up again', async () => {
    const someone = record()
    await begin([someone])
    const id = await tell(scan(someone))
    const mute = { ...open.job, append: () => Promise.reject(new Error('no log')) }
    await expect(recheckPass(at(2 * MINUTE, mute), most)).rejects.toThrow('no log')
    expect(await show(id)).toMatchObject({ status: 'open', attempts: 0 })
    expect(await recheckPass(at(20 * MINUTE), most)).toMatchObject({ checked: 1 })
  })
})

describe('our copy was late', () => {
  test.each([
    ['a scan', scan, 'not_found'],
    ['typed', typed, 'no_match'],
    ['a typed card', (row: FeedRow) => card(row), 'no_match'],
  ] as const)('%s: not found is no answer; after a later load it is', async (_, evidence, code) => {
    await begin([record()])
    const someone = record()
    const id = await tell(evidence(someone))
    await recheckPass(at(2 * MINUTE), most)
    expect(await show(id)).toMatchObject({ status: 'open', lastCode: code })
    await loadRows(world.owner, world.dataKeys, [someone], new Date(), 2)
    await recheckPass(at(10 * MINUTE), most)
    expect(await show(id)).toMatchObject({ status: 'checked', outcome: { code: 'valid' } })
  })

  test('typed: a name that does not fit waits like a number that does not exist', async () => {
    const someone = record()
    await begin([someone])
    const known = await tell(typed({ ...someone, fullName: 'Nguyễn Văn Khác' }))
    const unknown = await tell(typed({ ...record(), fullName: 'Nguyễn Văn Khác' }))
    await recheckPass(at(2 * MINUTE), most)
    const shapes = (await Promise.all([known, unknown].map(show))).map(({ status, lastCode, attempts, outcome }) => ({
      ...{ status, lastCode, attempts, outcome },
    }))
    expect(shapes[0]).toEqual({ status: 'open', lastCode: 'no_match', attempts: 1, outcome: null })
    expect(shapes[1]).toEqual(shapes[0])
  })
})

describe('an answer is an answer, whichever', () => {
  test('a scan that does not fit its record', async () => {
    const someone = record()
    await begin([someone])
    const id = await tell(scan({ ...someone, dateOfBirth: '1990-03-18' }))
    await recheckPass(at(2 * MINUTE), most)
    const shown = await show(id)
    expect(shown).toMatchObject({ status: 'checked', outcome: { code: 'birth_date_mismatch', coverages: [] } })
    expect(JSON.stringify(shown)).not.toContain(someone.cardNumber)
  })

  test('a card that had ended on the day the person stood there, in Viet Nam', async () => {
    const ended = record({ validTo: day(-5) })
    await begin([ended])
    const before = await tell(scan(ended), { presentedAt: `${day(-5)}T16:59:00Z` })
    const after = await tell(scan(ended), { presentedAt: `${day(-5)}T17:01:00Z` })
    await recheckPass(at(2 * MINUTE), most)
    expect(await show(before)).toMatchObject({ outcome: { code: 'valid', serviceDate: day(-5) } })
    expect(await show(after)).toMatchObject({ outcome: { code: 'expired', serviceDate: day(-4) } })
  })

  test("it is the facility's, with the visit's id in the details, and no other facility reads it", async () => {
    const someone = record()
    await begin([someone])
    const id = await tell(scan(someone), { visitId: 'M-77', officer: 'NV-1' })
    await recheckPass(at(2 * MINUTE), most)
    const other = await world.token('facility:38002')
    const { id: verification } = (await show(id))['outcome'] as { id: string }
    const foreign = await send(running.url, { method: 'GET', path: `/v1/verifications/${verification}`, token: other })
    expect(foreign.status).toBe(404)
    const entry = await findEntry(world.owner, 1, Number(verification.slice(3)))
    const details = openDetails(
      deriveDataKeys(world.dataKeys),
      entry?.subject ?? null,
      entry?.sealed ?? new Uint8Array(),
    )
    expect(JSON.parse(details)).toMatchObject({ unverifiedVisit: id, visit: { visitId: 'M-77' }, officer: 'NV-1' })
  })
})

describe('a number alone', () => {
  test('is never looked up; evidence for the same visit stands for it', async () => {
    const someone = record()
    await begin([someone])
    const visitId = 'same-visit'
    const bare = await tell(null, { visitId, claimedNumber: someone.cardNumber })
    const foreign = await tell(null, { visitId }, await world.token('facility:38002'))
    expect(await recheckPass(at(3 * DAY), most)).toEqual({ checked: 0, waiting: 0, closed: 0 })
    expect(await show(bare)).toMatchObject({ status: 'open', attempts: 0, nextCheckAt: null })
    const full = await tell(scan(someone), { visitId })
    await recheckPass(at(2 * MINUTE), most)
    expect(await show(bare)).toMatchObject({ status: 'superseded', supersededBy: full, legalRecord: null })
    expect(await show(full)).toMatchObject({ status: 'checked', outcome: { code: 'valid' } })
    // the same id at another facility is another visit
    const rows = await world.owner`select state from unverified_visit where leaf_index = ${Number(foreign.slice(3))}`
    expect(rows[0]?.['state']).toBe('open')
  })

  test('after evidence does not stand for it', async () => {
    await begin([record()])
    const full = await tell(scan(record()), { visitId: 'v' })
    const bare = await tell(null, { visitId: 'v' })
    await recheckPass(at(2 * MINUTE), most)
    expect([(await show(full))['status'], (await show(bare))['status']]).toEqual(['open', 'open'])
  })
})

describe('given up', () => {
  test('14 days after the person stood there, after a last look, with the attempts in the log', async () => {
    await begin([record()])
    const id = await tell(scan(record()), { claimedNumber: '038090001234' })
    const bare = await tell(null)
    await recheckPass(at(2 * MINUTE), most)
    expect(await recheckPass(at(14 * DAY - 20 * MINUTE), most)).toMatchObject({ waiting: 1, closed: 0 })
    expect(await recheckPass(at(15 * DAY), most)).toEqual({ checked: 0, waiting: 0, closed: 2 })
    await rebuild(at(15 * DAY)) // the attempts are in the entry
    const shown = await show(id)
    expect(shown).toMatchObject({
      status: 'gaveUp',
      attempts: 3,
      lastCode: 'not_found',
      nextCheckAt: null,
      outcome: null,
    })
    const { filled, toAdd } = shown['legalRecord'] as Record<'filled' | 'toAdd', { name: string; value: unknown }[]>
    expect(filled.find((line) => line.name === 'attempts')?.value).toHaveLength(3)
    expect(filled.find((line) => line.name === 'claimedNumber')?.value).toBe('038*****1234')
    expect(toAdd.map((line) => line.name)).toEqual(['contact', 'screenshot'])
    expect(await show(bare)).toMatchObject({ status: 'gaveUp', attempts: 0 })
    expect(await endsOf(id)).toEqual(['unverifiedVisitClosed'])
    expect(await recheckPass(at(30 * DAY), most)).toEqual({ checked: 0, waiting: 0, closed: 0 })
  })

  test('when the details were erased meanwhile', async () => {
    await begin([])
    const id = await tell(scan(record()))
    await catchUp(open.job)
    await world.owner`delete from entry_detail where leaf_index = ${Number(id.slice(3))}`
    expect(await recheckPass(at(2 * MINUTE), most)).toMatchObject({ closed: 1 })
    expect(await endsOf(id)).toEqual(['unverifiedVisitClosed'])
  })
})

/** The job of a process that is killed at its n-th step: before it is done, or when it was done and nobody heard. */
function killedAt(step: number, when: 'before' | 'after', job: Job): { job: Job; steps: () => number } {
  let steps = 0
  const through = async <T>(work: () => Promise<T>): Promise<T> => {
    steps++
    if (steps > step || (steps === step && when === 'before')) throw new Error('killed')
    const done = await work()
    if (steps === step) throw new Error('killed')
    return done
  }
  return {
    job: {
      ...job,
      query: (work) => through(() => job.query(work)),
      append: (row) => through(() => job.append(row)),
      findCoverage: (key) => through(() => job.findCoverage(key)),
    },
    steps: () => steps,
  }
}

describe('killed between any two steps', () => {
  test.each([
    ['looked up', 2 * MINUTE, 'verification', 'checked'],
    ['given up', 15 * DAY, 'unverifiedVisitClosed', 'gaveUp'],
  ] as const)('%s: one entry, and the row says so', async (_, laterMs, kind, status) => {
    const someone = record()
    await begin([someone])
    const evidence = () => scan(status === 'checked' ? someone : record())
    let kills = 0
    for (const when of ['before', 'after'] as const) {
      for (let step = 1; ; step++) {
        const id = await tell(evidence())
        const dying = killedAt(step, when, at(laterMs))
        const survived = await recheckPass(dying.job, most).then(
          () => true,
          () => false,
        )
        if (survived) {
          expect(step).toBeGreaterThan(10) // it was killed at every one
          break
        }
        kills++
        expect((await endsOf(id)).length).toBeLessThan(2)
        await world.owner`delete from idempotency` // it may be back after the key's 14 days
        // the next process, when the lease has run out
        await recheckPass(at(laterMs + 10 * MINUTE), most)
        await recheckPass(at(laterMs + 20 * MINUTE), most)
        expect(await endsOf(id), `killed ${when} step ${step}`).toEqual([kind])
        expect(await show(id)).toMatchObject({ status })
      }
    }
    expect(kills).toBeGreaterThan(20)
    const { size, ...log } = await logState(world.owner)
    expect({ size, ...log }).toEqual(sound(size))
  })
})

describe('two processes at once', () => {
  test('on the same row: one finds it, the other gives it up; the log keeps the first, both rows say that', async () => {
    const someone = record()
    await begin([record()])
    const id = await tell(scan(someone))
    const slow: Job = {
      ...at(2 * MINUTE),
      // it has looked; before it can write, its lease runs out and another process comes to another end
      append: async (row) => {
        expect(await recheckPass(at(15 * DAY, blind), most)).toMatchObject({ closed: 1 })
        return open.job.append(row)
      },
    }
    const blind = { ...open.job, findCoverage: () => Promise.reject(new Error('down')) }
    await loadRows(world.owner, world.dataKeys, [someone], new Date(), 2)
    await recheckPass(slow, most)
    expect(await endsOf(id)).toEqual(['unverifiedVisitClosed'])
    expect(await show(id)).toMatchObject({ status: 'gaveUp', outcome: null })
  })

  test('as commands: every visit is looked up once', async () => {
    const people = Array.from({ length: 40 }, () => record())
    await begin(people)
    const ids = await Promise.all(people.map((someone) => tell(scan(someone))))
    await catchUp(open.job)
    await world.owner`update unverified_visit set next_check_at = now()` // a minute is long for a test
    await leaveDeadKeys()
    const { env, keys } = await environment()
    const ended = await Promise.all([kiemthe(['recheck', '--once'], env), kiemthe(['recheck', '--once'], env)])
    await keys.remove()
    expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
    ])
    const passes = ended.map(({ stdout }) => JSON.parse(stdout) as { checked: number; waiting: number })
    expect(passes.reduce((sum, pass) => sum + pass.checked, 0)).toBe(people.length)
    // on Workers nobody else sweeps
    expect(await keysLeft()).toEqual({ dead: 0, assertions: 0, alive: people.length })
    for (const id of ids) expect(await endsOf(id)).toEqual(['verification'])
    for (const { stdout } of ended) {
      for (const someone of people) for (const secret of secretsOf(someone)) expect(stdout).not.toContain(secret)
    }
  })

  test('reading the same stretch of the log: nothing comes in twice', async () => {
    const someone = record()
    await begin([someone])
    for (let i = 0; i < 10; i++) await tell(scan(someone))
    const second = await openJob(testConfig(world.appUrl, {}), world.dataKeys, { error: () => {} }, 'recheck')
    await Promise.all([catchUp(open.job), catchUp(second.job)])
    await Promise.all([recheckPass(at(2 * MINUTE), most), recheckPass(at(2 * MINUTE, second.job), most)])
    await second.close()
    const [row] = await world.owner`select count(*)::int as rows, count(distinct outcome_index)::int as ends
                                      from unverified_visit where state = 'checked'`
    expect(row).toEqual({ rows: 10, ends: 10 })
  })
})

test('the command runs until it is stopped, and the role of the owner is refused', async () => {
  const someone = record()
  await begin([someone])
  const id = await tell(scan(someone))
  await catchUp(open.job)
  await world.owner`update unverified_visit set next_check_at = now()`
  const { env, keys } = await environment()
  const command = startKiemthe(['recheck'], env)
  await command.until(/"checked":1/)
  const { code, stderr } = await command.end('SIGTERM')
  const asOwner = await kiemthe(['recheck', '--once'], { ...env, DATABASE_URL: world.ownerUrl })
  const unset = await kiemthe(['recheck', '--once'])
  await keys.remove()
  expect([code, stderr]).toEqual([0, ''])
  expect(await show(id)).toMatchObject({ status: 'checked' })
  expect([asOwner.code, asOwner.stderr]).toEqual([1, expect.stringContaining('could change the log')])
  expect([unset.code, unset.stderr]).toEqual([2, expect.stringContaining('DATABASE_URL: is not set')])
})

test('the queue can be made anew from the log', async () => {
  const someone = record()
  await begin([someone])
  await send(running.url, { token, body: asking(scan(someone)) }) // an entry of another kind
  await tell(scan(someone))
  await tell(null, { visitId: 'v' })
  await tell(scan(record()), { visitId: 'v' })
  await recheckPass(at(2 * MINUTE), most)
  await tell(scan(record()), { presentedAt: ago(30 * DAY) })
  await recheckPass(at(3 * DAY), most)
  const rows = () => world.owner`
    select leaf_index, facility, visit, checkable, state, outcome_index from unverified_visit order by leaf_index`
  const before = [...(await rows())]
  expect(new Set(before.map((row) => row['state']))).toEqual(new Set(['checked', 'superseded', 'open', 'gaveUp']))
  await rebuild(open.job)
  expect([...(await rows())]).toEqual(before)
})

test('no table, no line of a log names anybody', async () => {
  const known = record()
  await begin([known])
  const unknown = record({ fullName: 'Trịnh Thị Hồng Nhung' })
  for (const someone of [known, unknown]) {
    await tell(scan(someone), {
      visitId: `M-${someone.citizenId}`,
      claimedNumber: someone.cardNumber,
      officer: someone.fullName,
    })
    await tell(null, { visitId: `N-${someone.citizenId}`, claimedNumber: someone.citizenId })
  }
  await recheckPass(at(2 * MINUTE), most)
  await recheckPass(at(15 * DAY), most)
  const tables = await world.owner<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'public'`
  expect(tables.map((table) => table.name)).toContain('unverified_visit')
  let texts = [...running.log, ...told].join('\n')
  for (const { name } of tables) {
    const rows = await world.owner.unsafe<{ text: string }[]>(`select t::text as text from ${name} t`)
    texts += rows.map((row) => row.text).join('\n')
  }
  expect(texts).toContain('unverifiedVisitClosed')
  for (const someone of [known, unknown]) {
    const words = secretsOf(someone).flatMap((each) => [each, Buffer.from(each).toString('hex')])
    for (const word of [...words, `M-${someone.citizenId}`]) expect(texts).not.toContain(word)
  }
})
