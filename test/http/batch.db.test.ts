import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deriveDataKeys, mac128 } from '../../src/data-keys.ts'
import { BATCH_BYTES_MAX } from '../../src/http/request.ts'
import { logState as auditLog, sound } from '../support/log.ts'
import { createWorld, type Reply, type Running, type World } from '../support/service.ts'
import {
  asking,
  day,
  expectProblem,
  expectRefused,
  logState,
  MARK,
  type Replied,
  record,
  scan,
  secretsOf,
  send,
  typed,
} from './http-support.ts'

const PATH = '/v1/verifications/batch'
const people = Array.from({ length: 40 }, () => record())
const [someone = record()] = people
const ended = record({ validTo: day(-2) })
const good = asking(scan(someone))

let world: World
let running: Running
let token: string
let keysMade = 0

beforeAll(async () => {
  world = await createWorld([...people, ended])
  // the lane's append is kept waiting by a test: not for longer than it wants
  running = await world.start({ DB_STATEMENT_TIMEOUT_MS: '20000' })
  token = await world.token('facility:38001')
})

afterAll(() => world?.close())

interface Item {
  readonly status: number
  readonly verification?: Reply
  readonly problem?: Reply
}

function ask(items: unknown, key: string | null = null, bearer = token): Promise<Replied> {
  const headers: Record<string, string> = key === null ? {} : { 'idempotency-key': key }
  return send(running.url, { path: PATH, token: bearer, body: { items }, headers })
}

function newKey(): string {
  return `batch-${++keysMade}`
}

function itemsOf(reply: Replied): readonly Item[] {
  expect(reply.status).toBe(200)
  expect(Object.keys(reply.json)).toEqual(['items'])
  return reply.json['items'] as readonly Item[]
}

/** A check of every person, over and over. */
function checks(count: number) {
  return Array.from({ length: count }, (_, i) => asking(scan(people[i % people.length] ?? someone)))
}

function cardsOf(items: readonly Item[]) {
  return items.map((each) => each.verification?.coverages?.[0]?.cardNumber)
}

function indexesOf(items: readonly Item[]): number[] {
  return items.flatMap((each) => each.verification?.receipt?.index ?? []).sort((a, b) => a - b)
}

test.each([1, 32, 33, 1_000])('%i items: each answered in its place, each an entry of its own', async (count) => {
  const before = await logState(world)
  const items = itemsOf(await ask(checks(count)))
  expect(cardsOf(items)).toEqual(Array.from({ length: count }, (_, i) => people[i % people.length]?.cardNumber))
  expect(indexesOf(items)).toEqual(Array.from({ length: count }, (_, i) => before.size + i))
  expect(await auditLog(world.owner)).toEqual(sound(before.size + count))
})

test('an item is answered as it would have been alone, and can be read by its id', async () => {
  const [item] = itemsOf(await ask([good]))
  const alone = await send(running.url, { token, body: good })
  expect(Object.keys(item?.verification ?? {})).toEqual(Object.keys(alone.json))
  expect({ ...item?.verification, id: 0, checkedAt: 0, data: 0, receipt: 0 }).toEqual({
    ...alone.json,
    id: 0,
    checkedAt: 0,
    data: 0,
    receipt: 0,
  })
  const read = await send(running.url, { method: 'GET', path: `/v1/verifications/${item?.verification?.id}`, token })
  expect(read.json).toEqual(item?.verification)
})

test('what is wrong with an item is its own: pointers into the item, the others are recorded', async () => {
  const before = await logState(world)
  const from = running.log.length
  const wrong: [unknown, string, string][] = [
    [null, '', 'member_type'],
    [[good], '', 'member_type'],
    [{}, '/evidence', 'member_missing'],
    [{ ...good, [MARK]: 1 }, '', 'member_unknown'],
    [{ ...good, serviceDate: day(2) }, '/serviceDate', 'service_date_future'],
    [asking({ kind: 'chipIdQr', text: `${someone.citizenId}|${MARK}` }), '/evidence/text', 'qr_too_few_fields'],
  ]
  const reply = await ask([
    good,
    ...wrong.flatMap(([item]) => [item, good]),
    asking(scan(ended)),
    asking(typed(record())),
  ])
  const items = itemsOf(reply)
  expect(items.map((each) => each.status)).toEqual([200, ...wrong.flatMap(() => [400, 200]), 200, 200])
  wrong.forEach(([, pointer, issue], i) => {
    const problem = items[1 + 2 * i]?.problem
    expect(problem).toMatchObject({ status: 400, code: 'invalid_request', type: '/docs/problems#invalid_request' })
    expect(problem?.errors?.[0]).toMatchObject({ pointer, code: issue })
    expect(problem?.requestId).toBe(reply.headers.get('x-request-id'))
    expect(JSON.stringify(items[1 + 2 * i])).not.toContain(someone.citizenId)
  })
  // a refused patient is no fault
  expect(items.slice(-2).map((each) => each.verification?.code)).toEqual(['expired', 'no_match'])
  expect(reply.text).not.toContain(MARK)
  expect(await auditLog(world.owner)).toEqual(sound(before.size + wrong.length + 3))
  const lines = running.log.slice(from)
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ route: PATH, status: 200, code: null, failure: null }])
})

describe('what is wrong with the container is one problem, and nothing is written', () => {
  const refused = (
    body: unknown,
    at: string,
    issue: 'member_missing' | 'member_type' | 'member_unknown' | 'member_too_short' | 'member_too_long',
  ) =>
    expectRefused(
      world,
      running,
      { path: PATH, token, body },
      { status: 400, code: 'invalid_request', at, issue },
      secretsOf(someone),
    )

  test('no items, no list, too few, too many, an unknown member', async () => {
    await refused({}, '/items', 'member_missing')
    await refused({ items: good }, '/items', 'member_type')
    await refused([good], '', 'member_type')
    await refused({ items: [] }, '/items', 'member_too_short')
    await refused({ items: checks(1_001) }, '/items', 'member_too_long')
    await refused({ items: [good], [MARK]: 1 }, '', 'member_unknown')
  })

  test('a member that stands twice, in whichever item', async () => {
    const body = `{"items":[${JSON.stringify(good)},{"purpose":"arrival","purpose":"end"}]}`
    await expectRefused(world, running, { path: PATH, token, body }, { status: 400, code: 'duplicate_member' }, [])
  })

  test('8 MiB are read, a byte more is not', async () => {
    const text = JSON.stringify({ items: [good] })
    const fits = text + ' '.repeat(BATCH_BYTES_MAX - Buffer.byteLength(text))
    expect(itemsOf(await send(running.url, { path: PATH, token, body: fits })).map((each) => each.status)).toEqual([
      200,
    ])
    const wanted = { status: 413, code: 'body_too_large' } as const
    await expectRefused(world, running, { path: PATH, token, body: `${fits} ` }, wanted, secretsOf(someone))
  })

  test('another scope, no token, a key that is none', async () => {
    const body = { items: [good] }
    const auditor = await world.token('auditor:test')
    await expectRefused(
      world,
      running,
      { path: PATH, token: auditor, body },
      { status: 403, code: 'scope_missing' },
      [],
    )
    await expectRefused(world, running, { path: PATH, body }, { status: 401, code: 'token_missing' }, [])
    const headers = { 'idempotency-key': 'a b' }
    const wanted = { status: 400, code: 'idempotency_key_invalid' } as const
    await expectRefused(world, running, { path: PATH, token, body, headers }, wanted, [])
  })
})

describe('a batch that is repeated under its key', () => {
  test('gets the same answers and leaves nothing new', async () => {
    const key = newKey()
    const first = await ask(checks(40), key)
    const before = await logState(world)
    expect((await ask(checks(40), key)).text).toBe(first.text)
    expect(await logState(world)).toEqual(before)
  })

  test('after only a part of it was recorded: that part as it was, the rest anew', async () => {
    const key = newKey()
    const part = itemsOf(await ask(checks(33), key)) // as after a crash between two parts
    const before = await logState(world)
    const whole = itemsOf(await ask(checks(70), key))
    expect(whole.slice(0, 33)).toEqual(part)
    expect(indexesOf(whole.slice(33))).toEqual(Array.from({ length: 37 }, (_, i) => before.size + i))
    expect(await auditLog(world.owner)).toEqual(sound(before.size + 37))
  })

  test('with a faulty item mended: that one is recorded, the others are not again', async () => {
    const key = newKey()
    const first = itemsOf(await ask([good, {}, good], key))
    const before = await logState(world)
    const mended = itemsOf(await ask([good, good, good], key))
    expect(first.map((each) => each.status)).toEqual([200, 400, 200])
    expect([mended[0], mended[2]]).toEqual([first[0], first[2]])
    expect(indexesOf(mended.slice(1, 2))).toEqual([before.size])
    expect((await logState(world)).size).toBe(before.size + 1)
  })

  test('with another request in a place: 422 there', async () => {
    const key = newKey()
    const first = itemsOf(await ask([good, good], key))
    const [same, other] = itemsOf(await ask([good, asking(scan(ended))], key))
    expect(same).toEqual(first[0])
    expect(other).toMatchObject({ status: 422, problem: { code: 'idempotency_conflict', status: 422 } })
  })

  test('two at once: one entry an item, the same answers', async () => {
    const key = newKey()
    const before = await logState(world)
    const [one, two] = await Promise.all([ask(checks(100), key), ask(checks(100), key)])
    expect(itemsOf(one)).toHaveLength(100)
    expect(two.text).toBe(one.text)
    expect(await auditLog(world.owner)).toEqual(sound(before.size + 100))
  })

  test('by another facility: its own checks, its own entries', async () => {
    const key = newKey()
    const mine = itemsOf(await ask([good], key))
    const theirs = itemsOf(await ask([good], key, await world.token('facility:38002')))
    expect(theirs[0]?.verification?.id).not.toBe(mine[0]?.verification?.id)
    const read = { method: 'GET', path: `/v1/verifications/${theirs[0]?.verification?.id}`, token }
    expect((await send(running.url, read)).status).toBe(404)
  })

  test('the key of a single check is another key', async () => {
    const key = newKey()
    const single = await send(running.url, { token, body: good, headers: { 'idempotency-key': key } })
    const [item] = itemsOf(await ask([good], key))
    expect(item?.verification?.id).not.toBe(single.json.id)
  })
})

describe('a log that cannot be written', () => {
  test('is told of each item, and is not asked again for every part', async () => {
    const before = await logState(world)
    await world.owner`revoke update on log_head from kiemthe_app`
    try {
      const from = running.log.length
      const items = itemsOf(await ask(checks(100)))
      expect(new Set(items.map((each) => each.problem?.code))).toEqual(new Set(['log_unavailable']))
      expect(items).toHaveLength(100)
      const troubles = () => running.log.slice(from).filter((line) => line.includes('batchItemFailed'))
      await expect.poll(() => troubles().length).toBeGreaterThan(0) // workerd's lines come late
      expect(troubles()).toHaveLength(1)
    } finally {
      await world.owner`grant update on log_head to kiemthe_app`
    }
    expect(await logState(world)).toEqual(before)
  })
})

describe('the lane', () => {
  test('single checks are answered while the append of a batch waits in the database; the 11th batch is refused', async () => {
    const key = newKey()
    const idempotencyKey = mac128(deriveDataKeys(world.dataKeys).request, `key:facility:38001\n${key}\n0`)
    const before = await logState(world)
    const holder = await world.owner.reserve()
    let batches: Promise<Replied>[] = []
    try {
      await holder`begin`
      await holder`insert into idempotency (log_id, key, request_digest, claimed_at)
                   values (1, ${idempotencyKey}::uuid, ${idempotencyKey}::uuid, now())`
      batches = [ask(checks(40), key)]
      while ((await waitingAppends()) === 0) await sleep(10)

      // were the append shared, none of these would come back
      for (const body of checks(5)) expect((await send(running.url, { token, body })).status).toBe(200)
      const crowd = await Promise.all(checks(64).map((body) => send(running.url, { token, body })))
      expect(new Set(crowd.map((each) => each.status))).toEqual(new Set([200]))

      // one more runs, eight wait: whichever comes after is told at once
      const later = Array.from({ length: 10 }, () => ask(checks(2)))
      const refused = await Promise.any(
        later.map(async (each) => ((await each).status === 503 ? each : Promise.reject())),
      )
      expectProblem(refused, { status: 503, code: 'overloaded' })
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      batches.push(...later)
      expect((await send(running.url, { token, body: good })).status).toBe(200)
    } finally {
      await holder`rollback`
      holder.release()
    }
    const [first, ...others] = await Promise.all(batches)
    expect(first === undefined ? [] : indexesOf(itemsOf(first))).toHaveLength(40)
    expect(others.map((each) => each.status).sort()).toEqual([...Array(9).fill(200), 503])
    expect(await auditLog(world.owner)).toEqual(sound(before.size + 5 + 64 + 1 + 40 + 9 * 2))
  })

  async function waitingAppends(): Promise<number> {
    const [row] = await world.owner<{ n: number }[]>`
      select count(*)::int as n from pg_stat_activity
       where datname = current_database() and usename = 'kiemthe_app' and wait_event_type = 'Lock'`
    return row?.n ?? 0
  }
})
