import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { Registered } from '../../mocks/population-registry/people.ts'
import { type Fault, type MockRegistry, startRegistry } from '../../mocks/population-registry/server.ts'
import { DEMO_AGREEMENT } from '../../mocks/population-registry/start.ts'
import { openDetails } from '../../src/audit/log.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import { createWorld, type Running, type World } from '../support/service.ts'
import { fixture, pem } from '../support/tls/files.ts'
import { asking, card, document, expectProblem, type Replied, record, scan, send, typed } from './http-support.ts'

/**
 * Law (NĐ 69/2024 Đ19): the registry is asked with consent only, and what it says goes into the one answer to who asked.
 * On both hosts.
 */
const someone = record()
/** The registry has another name for this one. */
const renamed = record()
const people: readonly FeedRow[] = [someone, renamed]

function find(number: string): Registered | null {
  const row = people.find(({ citizenId }) => citizenId === number)
  if (row === undefined) return null
  return { fullName: row === renamed ? 'Lường Khánh Hoàn' : row.fullName, dateOfBirth: row.dateOfBirth }
}

let world: World
let registry: MockRegistry
let running: Running
let token: string

beforeAll(async () => {
  world = await createWorld(people)
  registry = await startRegistry({
    credentials: DEMO_AGREEMENT,
    find,
    now: () => new Date(),
    random: Math.random,
    medianMs: 0,
  })
  running = await world.start({
    REGISTRY_URL: registry.url,
    REGISTRY_TIMEOUT_MS: '2000',
    ...(inject('workerBundle') === undefined ? { METRICS_PORT: '0' } : {}),
  })
  token = await world.token('facility:38001')
})

afterAll(async () => {
  await world?.close()
  await registry?.close()
})

const consent = () => ({ method: 'signedForm', reference: 'PDK-77', givenAt: new Date().toISOString() })
const consented = (evidence: unknown, members: Record<string, unknown> = {}) =>
  asking(evidence, { officer: 'NV-0042', registryConsent: consent(), ...members })

function ask(body: unknown, headers: Record<string, string> = {}): Promise<Replied> {
  return send(running.url, { token, body, headers })
}

async function askUnder(fault: Fault, body: unknown): Promise<Replied> {
  registry.fault(fault)
  return ask(body).finally(() => registry.fault('none'))
}

/** The entry of an answer: its text, and its details opened. */
async function entryOf({ json }: Replied) {
  const [row] = await world.owner<{ body: string; subject: string; sealed: Uint8Array }[]>`
    select body, subject, sealed from log_entry join entry_detail using (log_id, leaf_index)
     where leaf_index = ${json.receipt?.index ?? -1}`
  if (row === undefined) throw new Error('no entry')
  const details = openDetails(deriveDataKeys(world.dataKeys), row.subject, row.sealed)
  return { body: JSON.parse(row.body), details: JSON.parse(details) }
}

const ASKED = { at: expect.stringMatching(/Z$/), transactionId: expect.stringMatching(/^[0-9a-f-]{36}$/) }

describe('asked', () => {
  test.each([
    ['typed', typed(someone), 'confirmed'],
    ['scanned', scan(someone), 'confirmed'],
    ['VNeID', document(someone, 'vneid', someone.citizenId ?? ''), 'confirmed'],
    ['known by another name', typed(renamed), 'notConfirmed'],
    ['a number that nobody has', typed(record()), 'notConfirmed'],
  ])('%s: once, by that officer, and told in this answer', async (_, evidence, outcome) => {
    const before = registry.calls.length
    const reply = await ask(consented(evidence))
    expect(reply.status).toBe(200)
    expect(reply.json.identity).toMatchObject({ registry: outcome, registryAsked: ASKED })
    const requestId = reply.json.identity?.registryAsked?.transactionId
    expect(registry.calls.slice(before)).toEqual([{ requestId, officer: 'NV-0042' }])
  })

  test('what it says would turn a decision, or refuse somebody', async () => {
    const { json: plain } = await ask(asking(typed(renamed)))
    for (const fault of ['none', 'emptyRecord', 'outage'] as const) {
      const { json } = await askUnder(fault, consented(typed(renamed)))
      for (const member of ['decision', 'code', 'cause', 'desk', 'warnings', 'coverages'] as const) {
        expect(json[member]).toEqual(plain[member])
      }
    }
  })

  test.each(['outage', 'garbage', 'reset'] as const)('%s: unavailable, and answered all the same', async (fault) => {
    const reply = await askUnder(fault, consented(scan(someone)))
    expect(reply.status).toBe(200)
    expect(reply.json).toMatchObject({ code: 'valid', identity: { registry: 'unavailable', registryAsked: ASKED } })
    // a good one in between keeps the breaker closed
    expect((await ask(consented(scan(someone)))).json.identity?.registry).toBe('confirmed')
  })

  test('a caller with little time would wait for the registry’s', async () => {
    registry.fault('silent')
    const asked = ask(consented(scan(someone)), { 'request-timeout': '300' })
    const reply = await Promise.race([asked, sleep(1_900)])
    registry.fault('none')
    expect(reply?.json.identity?.registry).toBe('unavailable')
  })

  test('a caller with no time left would have it asked', async () => {
    const before = registry.calls.length
    const { json } = await ask(consented(scan(someone)), { 'request-timeout': '1' })
    expect(json).toMatchObject({ code: 'valid', identity: { registry: 'unavailable' } })
    expect(json.identity).not.toHaveProperty('registryAsked')
    expect(registry.calls.length).toBe(before)
  })

  test.each(['0', '60001', '-1', '1.5', '1e3', 'soon', ''])('a Request-Timeout of %j', async (text) => {
    if (text === '' && inject('workerBundle') !== undefined) return // an empty header does not arrive as one
    const reply = await ask(asking(scan(someone)), { 'request-timeout': text })
    expectProblem(reply, { status: 400, code: 'request_timeout_invalid' })
  })
})

describe('not asked', () => {
  test.each([
    ['without consent', asking(typed(someone), { officer: 'NV-0042' })],
    ['without an officer', asking(typed(someone), { registryConsent: consent() })],
    ['for an appointment', consented(typed(someone), { purpose: 'appointment' })],
    ['for an insurance card', consented(card(someone))],
    ['for a passport', consented(document(someone, 'passport', 'C1234567'))],
    ['for a birth certificate', consented(document(someone, 'birthCertificate'))],
  ])('%s', async (_, body) => {
    const before = registry.calls.length
    const reply = await ask(body)
    expect(reply.json.identity?.registry).toBe('notAsked')
    expect(reply.json.identity).not.toHaveProperty('registryAsked')
    expect((await entryOf(reply)).body.outcome).not.toHaveProperty('registry')
    expect(registry.calls.length).toBe(before)
  })

  test('in a batch', async () => {
    const before = registry.calls.length
    const body = { items: [consented(typed(someone)), consented(scan(someone))] }
    const reply = await send(running.url, { path: '/v1/verifications/batch', token, body })
    expect(reply.status).toBe(200)
    expect(reply.text.match(/"registry":"notAsked"/g)?.length).toBe(2)
    expect(registry.calls.length).toBe(before)
  })

  test.each([
    ['in the future', 120_000, 'consent_future'],
    ['more than a day old', -86_460_000, 'consent_old'],
  ] as const)('with a consent %s, which is refused', async (_, offsetMs, issue) => {
    const before = registry.calls.length
    const givenAt = new Date(Date.now() + offsetMs).toISOString()
    const reply = await ask(consented(typed(someone), { registryConsent: { ...consent(), givenAt } }))
    expectProblem(reply, { status: 400, code: 'invalid_request', at: '/registryConsent/givenAt', issue })
    expect(registry.calls.length).toBe(before)
  })

  test('while the log cannot be written: no call without its trace', async () => {
    const before = registry.calls.length
    await world.owner`alter table log_head rename to log_head_gone`
    const reply = await ask(consented(typed(someone))).finally(
      () => world.owner`alter table log_head_gone rename to log_head`,
    )
    expectProblem(reply, { status: 503, code: 'log_unavailable' })
    expect(registry.calls.length).toBe(before)
  })
})

describe('told once', () => {
  test('a repeated request would ask again, or hear the outcome again', async () => {
    const body = JSON.stringify(consented(typed(someone)))
    const headers = { 'idempotency-key': 'registry-1' }
    const first = await ask(body, headers)
    expect(first.json.identity?.registry).toBe('confirmed')
    const before = registry.calls.length
    const again = await ask(body, headers)
    expect(again.json).toEqual({ ...first.json, identity: { ...first.json.identity, registry: 'notKept' } })
    expect(registry.calls.length).toBe(before)
  })

  test('two at once under one key would both hear it, or both be asked', async () => {
    const body = JSON.stringify(consented(typed(someone)))
    const before = registry.calls.length
    const both = await Promise.all([1, 2].map(() => ask(body, { 'idempotency-key': 'registry-2' })))
    expect(both.map(({ json }) => json.identity?.registry).sort()).toEqual(['confirmed', 'notKept'])
    expect(registry.calls.length).toBe(before + 1)
  })

  test('the facility by id, or an auditor, would read it', async () => {
    const { json } = await ask(consented(typed(someone)))
    const path = `/v1/verifications/${json.id}`
    const own = await send(running.url, { method: 'GET', path, token })
    expect(own.json).toEqual({ ...json, identity: { ...json.identity, registry: 'notKept' } })
    const headers = { 'audit-purpose': 'claimReview' }
    const audit = await send(running.url, { method: 'GET', path, headers, token: await world.token('auditor:test') })
    expect(audit.json.identity).toEqual(own.json.identity)
  })

  test('the log would tell one outcome from another', async () => {
    const said = new Set<unknown>()
    const kept = new Set<string>()
    for (const fault of ['none', 'emptyRecord', 'outage', 'none'] as const) {
      const registryConsent = consent()
      const body = consented(typed(someone), { registryConsent })
      const reply = await askUnder(fault, body)
      said.add(reply.json.identity?.registry)
      const { body: entry, details } = await entryOf(reply)
      expect(entry.outcome.registry).toBe('asked')
      expect(details.answer.identity).toMatchObject({ registry: 'notKept', registryAsked: ASKED })
      expect(details).toMatchObject({ officer: 'NV-0042', registryConsent })
      // everything but times, ids, and the age of the copy
      const blank = (key: string, value: unknown) =>
        /^(recordedAt|checkedAt|at|givenAt|transactionId|ageSeconds|goodUntil)$/.test(key) ? null : value
      kept.add(JSON.stringify([entry.outcome, Object.keys(entry), details], blank))
    }
    expect(said).toEqual(new Set(['confirmed', 'notConfirmed', 'unavailable']))
    expect(kept.size).toBe(1)
  })
})

describe('an outage', () => {
  test('eight in a row open the breaker: nothing leaves the house, and nothing says that it did', async () => {
    for (let n = 0; n < 8; n++) await askUnder('outage', consented(typed(someone)))
    const before = registry.calls.length
    const headers = { 'idempotency-key': 'registry-open' }
    const body = JSON.stringify(consented(typed(someone)))
    const first = await ask(body, headers)
    expect(first.json).toMatchObject({ code: 'valid', identity: { registry: 'unavailable' } })
    expect(registry.calls.length).toBe(before)
    expect((await entryOf(first)).body.outcome).not.toHaveProperty('registry')
    expect((await ask(body, headers)).json.identity).toEqual({ ...first.json.identity, registry: 'notAsked' })
    const ready = await send(running.url, { method: 'GET', path: '/health/ready' })
    expect({ status: ready.status, ...ready.json }).toMatchObject({
      status: 'degraded',
      reasons: ['registryUnavailable'],
    })
    // once for all who met it
    await expect.poll(() => running.log.filter((line) => line.includes('registryOpened')).length).toBe(1)
  })
})

/** Last: everything above is in the tables and in the log by now. */
test('a table, an opened detail, or a line of the log would hold what the registry said', async () => {
  const outcome = /confirmed|unavailable|TonTai|KetQuaXacThuc/i
  const tables = await world.owner<{ name: string }[]>`
    select format('%I.%I', table_schema, table_name) as name from information_schema.tables
     where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`
  let rows = 0
  for (const { name } of tables) {
    for (const { text } of await world.owner.unsafe<{ text: string }[]>(`select t::text as text from ${name} as t`)) {
      rows++
      expect(text).not.toMatch(outcome)
    }
  }
  expect(rows).toBeGreaterThan(60)
  const keys = deriveDataKeys(world.dataKeys)
  const details = await world.owner<{ subject: string | null; sealed: Uint8Array }[]>`
    select subject, sealed from entry_detail`
  const opened = details.map((each) => openDetails(keys, each.subject, each.sealed))
  expect(opened.filter((text) => text.includes('notKept')).length).toBeGreaterThan(15)
  for (const text of opened) expect(text).not.toMatch(outcome)
  const lines = running.log.filter((line) => !line.includes('log_unavailable'))
  expect(lines.length).toBeGreaterThan(40)
  for (const line of lines) expect(line).not.toMatch(outcome)
})

test('metrics would tell one outcome from another, or not that and how long it was asked', async () => {
  const port = running.server.metricsPort
  if (port === null) return // an isolate shows none
  const shown = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const ours = shown.split('\n').filter((line) => /^kiemthe_registry/.test(line) && !line.startsWith('#'))
  const labels = new Set(ours.map((line) => line.replace(/ [^ ]*$/, '').replace(/le="[^"]*"/, 'le')))
  expect([...labels].toSorted()).toEqual([
    'kiemthe_registry_breaker{state="closed"}',
    'kiemthe_registry_breaker{state="halfOpen"}',
    'kiemthe_registry_breaker{state="open"}',
    'kiemthe_registry_duration_seconds_bucket{le}',
    'kiemthe_registry_duration_seconds_count',
    'kiemthe_registry_duration_seconds_sum',
  ])
  const count = Number(/kiemthe_registry_duration_seconds_count (\d+)/.exec(shown)?.[1])
  expect(count).toBe(registry.calls.length)
})

test('a registry that wants our certificate would not be shown it, or one without would be let in', async () => {
  const tls = { cert: pem('server.pem'), key: pem('server.key'), ca: pem('client-ca.pem') }
  const answers = { credentials: DEMO_AGREEMENT, find, now: () => new Date(), random: Math.random, medianMs: 0 }
  const secure = await startRegistry({ ...answers, tls })
  const env = { REGISTRY_URL: secure.url, REGISTRY_TIMEOUT_MS: '2000' }
  const files = {
    caFile: fixture('server-ca.pem'),
    certFile: fixture('client-a.pem'),
    keyFile: fixture('client-a.key'),
  }
  const told = async (certificate?: typeof files) => {
    const { url } = await world.start(env, certificate)
    const { json } = await send(url, { token, body: consented(typed(someone)) })
    return json.identity?.registry
  }
  try {
    expect(await told(files)).toBe('confirmed')
    expect(await told()).toBe('unavailable')
  } finally {
    await secure.close()
  }
})
