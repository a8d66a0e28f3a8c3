import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type Running, type World } from '../support/service.ts'
import {
  asking,
  day,
  expectNoTrace,
  expectProblem,
  expectRefused,
  logState,
  MARK,
  record,
  scan,
  secretsOf,
  send,
  sendRaw,
  typed,
} from './http-support.ts'

const someone = record()
const ended = record({ validTo: day(-2) })
const secrets = secretsOf(someone)
const good = asking(scan(someone))
const CONFLICT = { status: 422, code: 'idempotency_conflict' } as const

let world: World
let servers: [Running, Running]
let running: Running
let token: string
let keysMade = 0

beforeAll(async () => {
  world = await createWorld([someone, ended])
  servers = [await world.start(), await world.start()]
  running = servers[0]
  token = await world.token('facility:38001')
})

afterAll(() => world?.close())

function newKey(): string {
  return `visit-${++keysMade}`
}

function ask(key: string, body: unknown = good, more: { token?: string; url?: string } = {}) {
  const headers = { 'idempotency-key': key }
  return send(more.url ?? running.url, { token: more.token ?? token, body, headers })
}

describe('a request that is repeated would be done twice', () => {
  for (const [name, body] of [
    ['an entitled one', good],
    ['a refused one', asking(scan(ended))],
    ['one that matched nothing', asking(typed(record()))],
  ] as const) {
    test(name, async () => {
      const key = newKey()
      const first = await ask(key, body)
      const before = await logState(world)
      for (const url of [running.url, servers[1].url]) {
        const again = await ask(key, body, { url })
        expect(again.status).toBe(200)
        expect(again.text).toBe(first.text)
        expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'))
      }
      expect(await logState(world)).toEqual(before)
    })
  }
  test('by another token of the same client', async () => {
    const key = newKey()
    const first = await ask(key)
    const again = await ask(key, good, { token: await world.token('facility:38001') })
    expect(again.text).toBe(first.text)
  })
  test('when the record changed in between', async () => {
    const key = newKey()
    const first = await ask(key)
    await world.owner`update coverage set status = 'revoked' where status = 'active'`
    expect((await ask(key)).text).toBe(first.text)
    expect((await ask(newKey())).json.code).toBe('revoked')
    await world.owner`update coverage set status = 'active' where status = 'revoked'`
  })
  test('ten times at once, on one server and on two', async () => {
    for (const urls of [[running.url], servers.map((each) => each.url)]) {
      const key = newKey()
      const before = await logState(world)
      const replies = await Promise.all(
        Array.from({ length: 10 }, (_, i) => ask(key, good, { url: urls[i % urls.length] ?? '' })),
      )
      expect(replies.map((each) => each.status)).toEqual(Array(10).fill(200))
      expect(new Set(replies.map((each) => each.text)).size).toBe(1)
      expect(await logState(world)).toEqual({
        size: before.size + 1,
        entries: before.entries + 1,
        details: before.details + 1,
        keys: before.keys + 1,
      })
    }
  })
  test('fifty requests of ten keys at once', async () => {
    const keys = Array.from({ length: 10 }, newKey)
    const before = await logState(world)
    const replies = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(keys[i % 10] ?? '')))
    expect(new Set(replies.map((each) => each.json.id)).size).toBe(10)
    expect((await logState(world)).size).toBe(before.size + 10)
    const indexes = [...new Set(replies.map((each) => each.json.receipt?.index ?? -1))].sort((a, b) => a - b)
    expect(indexes).toEqual(Array.from({ length: 10 }, (_, i) => before.size + i))
  })
  test('without a key it would not be', async () => {
    const before = await logState(world)
    const replies = [await send(running.url, { token, body: good }), await send(running.url, { token, body: good })]
    expect(new Set(replies.map((each) => each.json.id)).size).toBe(2)
    expect((await logState(world)).size).toBe(before.size + 2)
  })
})

describe('a key would give the answer to another request', () => {
  const others: [string, unknown][] = [
    ['about somebody else', asking(scan(ended))],
    ['about another day', { ...good, serviceDate: day(-1) }],
    ['with a member more', { ...good, officer: MARK }],
    ['with its members in another order', Object.fromEntries(Object.entries(good).reverse())],
    ['with white space more', `${JSON.stringify(good)} `],
  ]
  for (const [name, body] of others) {
    test(name, async () => {
      const key = newKey()
      const first = await ask(key)
      const request = { token, body, headers: { 'idempotency-key': key } }
      for (const server of servers) await expectRefused(world, server, request, CONFLICT, secrets)
      expect((await ask(key)).text).toBe(first.text)
    })
  }
  test('at once: one is answered, the other refused', async () => {
    const key = newKey()
    const before = await logState(world)
    const replies = await Promise.all([ask(key), ask(key, asking(scan(ended)))])
    expect(replies.map((each) => each.status).sort()).toEqual([200, 422])
    expect((await logState(world)).size).toBe(before.size + 1)
  })
  test('of another client', async () => {
    const key = newKey()
    const mine = await ask(key)
    const theirs = await ask(key, good, { token: await world.token('facility:38002') })
    expect(theirs.status).toBe(200)
    expect(theirs.json.id).not.toBe(mine.json.id)
    expect((await ask(key)).text).toBe(mine.text)
  })
  test('that differs from it in case', async () => {
    const key = newKey()
    const mine = await ask(key)
    expect((await ask(key.toUpperCase())).json.id).not.toBe(mine.json.id)
  })
  test('that was refused: a bad request would take its key', async () => {
    const key = newKey()
    expectProblem(await ask(key, '{'), { status: 400, code: 'invalid_json' })
    expect((await ask(key)).status).toBe(200)
  })
})

describe('a key that is none would be kept', () => {
  const invalid = { status: 400, code: 'idempotency_key_invalid' } as const
  const keys: [string, string][] = [
    ['65 characters', `${MARK}${'k'.repeat(65 - MARK.length)}`],
    ['1,000 characters', MARK.repeat(120)],
    ['a space inside', `${MARK} 1`],
    ['a tab inside', `${MARK}\t1`],
    ['nothing', ''],
    ['a letter of Latin-1', `${MARK}é`],
  ]
  for (const [name, key] of keys) {
    test(name, async () => {
      const request = { token, body: good, headers: { 'idempotency-key': key } }
      await expectRefused(world, running, request, invalid, secrets)
    })
  }
  const raw: [string, string][] = [
    ['two headers', `Idempotency-Key: a\nIdempotency-Key: b\n`],
    ['the same header twice', `Idempotency-Key: a\nIdempotency-Key: a\n`],
    ['letters in UTF-8', `Idempotency-Key: ${Buffer.from('khoá').toString('latin1')}\n`],
  ]
  for (const [name, header] of raw) {
    test(name, async () => {
      const before = await logState(world)
      const body = JSON.stringify(good)
      const answer = await sendRaw(
        running,
        `POST /v1/verifications HTTP/1.1\nHost: x\nConnection: close\nAuthorization: Bearer ${token}\n` +
          `Content-Type: application/json\nContent-Length: ${Buffer.byteLength(body)}\n${header}\n`,
        body,
      )
      expect(answer).toMatch(/^HTTP\/1\.1 400 /)
      expect(answer).toContain('"code":"idempotency_key_invalid"')
      expect(await logState(world)).toEqual(before)
    })
  }
  test('while 64 visible characters, and one, would be refused', async () => {
    for (const key of ['k'.repeat(64), '!', '~', '"quoted"', "a'b;--", `038090${keysMade}`]) {
      expect((await ask(key)).status).toBe(200)
    }
  })
  test('a key that names a person would be found in the database or the log lines', async () => {
    const key = someone.citizenId ?? ''
    await ask(key)
    expectNoTrace(running.log, [key])
    const rows = await world.owner<{ line: string }[]>`
      select i::text as line from idempotency i union all select d::text from entry_detail d
      union all select e::text from log_entry e`
    expectNoTrace(
      rows.map((each) => each.line),
      secrets,
    )
  })
})

describe('a key would be taken for ever, or not for 14 days', () => {
  async function age(interval: string) {
    await world.owner`update idempotency set claimed_at = now() - ${interval}::interval`
  }

  test('13 days and 23 hours', async () => {
    const key = newKey()
    const first = await ask(key)
    await age('13 days 23 hours')
    expect((await ask(key)).text).toBe(first.text)
  })
  test('14 days and a minute', async () => {
    const key = newKey()
    const first = await ask(key)
    await age('14 days 1 minute')
    const before = await logState(world)
    const second = await ask(key)
    expect(second.json.id).not.toBe(first.json.id)
    expect((await logState(world)).size).toBe(before.size + 1)
    // and from now on it stands for the new one
    expect((await ask(key)).text).toBe(second.text)
    await age('14 days 1 minute')
    expect((await ask(key, asking(scan(ended)))).json.code).toBe('expired')
  })
  test('an erased answer would be answered again', async () => {
    const key = newKey()
    const { json } = await ask(key)
    await world.owner`delete from entry_detail where leaf_index = ${json.receipt?.index ?? -1}`
    const request = { token, body: good, headers: { 'idempotency-key': key } }
    await expectRefused(world, running, request, { status: 410, code: 'verification_erased' }, secrets)
  })
})
