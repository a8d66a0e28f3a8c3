import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type AddressInfo, createServer, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { importJWK, SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { claimFile } from '../mocks/dossier/file.ts'
import { claimTables } from '../mocks/dossier/visit.ts'
import { person } from '../mocks/province/person.ts'
import { chipIdQrText } from '../mocks/province/qr.ts'
import { makeSigningKey } from '../src/access/token-keys.ts'
import { todayInVietnam } from '../src/calendar.ts'
import { connect } from '../src/db/connect.ts'
import { type PostgresTap, startPostgresTap } from './support/postgres-tap.ts'
import { createWorld, PUBLIC_URL, post, type Running, type World } from './support/service.ts'

/**
 * What one request costs: statements as PostgreSQL gets them (a tap on the wire of a real server), signatures checked
 * as the platform counts them, and calls to anybody else. Each number says why it is what it is. The clock stands
 * still unless a test moves it, so that what is renewed by time is counted where it is meant.
 */
const CLOCK = new Date()
const today = todayInVietnam(CLOCK)
const people = Array.from({ length: 200 }, (_, i) => person({ seed: 'budgets', baseDate: today }, i)).filter(
  (each) => each.expected.code === 'valid',
)

/** Statements by what they do; one that is not listed shows itself, and fails its budget. */
const KINDS: readonly (readonly [string, RegExp])[] = [
  ['coverages', /left join alias a/],
  ['append', /^with input as materialized/],
  ['revocations', /from client_key where revoked_at/],
  ['earlier answer', /join idempotency i/],
  ['visit of a share', /^with version as/],
  ['check entries', /select e\.log_id, e\.leaf_index, e\.body, d\.subject/],
  ['append of a share', /insert into claim_visit/],
  ['share', /left join claim_delivery s/],
  ['entry', /from log_entry e left join entry_detail/],
  ['client key', /from client_key k join client c/],
  ['jti', /insert into jti/],
  ['readiness', /pg_is_in_recovery\(\)/],
]

let world: World
let tappedUrl: string
let tap: PostgresTap
let running: Running
let token: string
let signatureChecks: { readonly mock: { readonly calls: readonly unknown[][] } }
/** Ports that were dialled since the last count, by this process: the service's and the test's own. */
let connections: number[]
const expectedPorts = new Set<number>()

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: CLOCK })
  world = await createWorld(people.flatMap((each) => each.coverages))
  const { host, port } = inject('cluster')
  tap = await startPostgresTap({ host, port })
  const url = new URL(world.appUrl)
  url.host = `127.0.0.1:${tap.port}`
  tappedUrl = url.href
  running = await start()
  for (const each of [port, tap.port]) expectedPorts.add(each)
  token = await world.token('facility:38001')
})

afterAll(async () => {
  await world?.close()
  await tap?.close()
  vi.useRealTimers()
})

beforeEach(() => {
  vi.setSystemTime(CLOCK)
  signatureChecks = vi.spyOn(crypto.subtle, 'verify')
  connections = []
  const dial = Socket.prototype.connect
  vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...args: unknown[]) {
    // connect(port, host) or connect({ port, host }), which net.connect wraps in an array
    const [first] = args.flat() as (number | string | { port: number | string })[]
    connections.push(Number(typeof first === 'object' ? first.port : first))
    return dial.apply(this, args as never)
  })
  tap.taken()
})

afterEach(() => {
  vi.restoreAllMocks()
})

async function start(): Promise<Running> {
  const started = await world.start({ DATABASE_URL: tappedUrl, LOG_LEVEL: 'error' })
  expectedPorts.add(started.server.port)
  return started
}

function verification(evidence: object) {
  return { evidence, serviceDate: today, purpose: 'arrival' }
}

function scan(i: number) {
  const someone = people[i % people.length]
  if (someone === undefined) throw new Error('no people')
  return verification({ kind: 'chipIdQr', text: chipIdQrText(someone) })
}

/** What was spent since the last call. */
function spent() {
  const statements = tap.taken().map((text) => KINDS.find(([, sql]) => sql.test(text))?.[0] ?? text)
  const checks = signatureChecks.mock.calls.length
  vi.mocked(crypto.subtle.verify).mockClear()
  const elsewhere = connections.filter((port) => !expectedPorts.has(port)).length
  connections = []
  return { statements, signatureChecks: checks, callsElsewhere: elsewhere }
}

const nothing = { statements: [], signatureChecks: 0, callsElsewhere: 0 }

/** One request that is warm: its token is known and the list of revocations is fresh. */
async function warmUp(): Promise<void> {
  expect((await post(running.url, token, scan(0))).status).toBe(200)
  spent()
}

test('the counters count: a statement of any kind, a signature, a call to somebody else', async () => {
  const sql = connect(tappedUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'test' })
  await sql`select ${1}::int  as n`
  await sql.unsafe('select 2')
  await sql.end()
  const { x } = await makeSigningKey('any')
  const key = await crypto.subtle.importKey('jwk', { kty: 'OKP', crv: 'Ed25519', x }, 'Ed25519', false, ['verify'])
  await crypto.subtle.verify('Ed25519', key, Buffer.alloc(64), Buffer.from('x'))
  const registry = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve))
  await fetch(`http://127.0.0.1:${(registry.address() as AddressInfo).port}`).catch(() => {})
  registry.close()
  expect(spent()).toEqual({ statements: ['select $1::int as n', 'select 2'], signatureChecks: 1, callsElsewhere: 1 })
})

test('cold, the first request of a token: who is it, is it revoked, what is covered, write it down', async () => {
  // another process, which knows neither the token nor what was revoked
  const cold = await start()
  // at start: is the session in UTC, may this role change the log, does anybody have a coverage, do the keys open it
  expect(tap.taken()).toHaveLength(4)
  expect((await post(cold.url, token, scan(1))).status).toBe(200)
  expect(spent()).toEqual({
    ...nothing,
    signatureChecks: 1, // the token's; the key is here, no JWKS is fetched
    statements: [
      'revocations', // the list is empty at start, and a token is not believed without it
      'coverages', // number → person → all coverages and the watermark: one snapshot
      'append', // idempotency, head, entry, details: one statement, so one transaction
    ],
  })
})

test('warm: one read and one write; the token is known by its digest', async () => {
  await warmUp()
  for (let i = 0; i < 5; i++) {
    expect((await post(running.url, token, scan(i))).status).toBe(200)
    expect(spent()).toEqual({ ...nothing, statements: ['coverages', 'append'] })
  }
})

test('another token of the same client: its own signature check, nothing else', async () => {
  await warmUp()
  const second = await world.token('facility:38001')
  expect((await post(running.url, second, scan(2))).status).toBe(200)
  expect(spent()).toEqual({ ...nothing, signatureChecks: 1, statements: ['coverages', 'append'] })
})

describe('revocations are read once for all, however many ask', () => {
  test('after 2 s beside the work: a request more does not wait for it', async () => {
    await warmUp()
    vi.setSystemTime(CLOCK.getTime() + 3_000)
    expect((await post(running.url, token, scan(3))).status).toBe(200)
    const { statements } = spent()
    expect([...statements].sort()).toEqual(['append', 'coverages', 'revocations'])
    expect((await post(running.url, token, scan(3))).status).toBe(200)
    expect(spent()).toEqual({ ...nothing, statements: ['coverages', 'append'] })
  })

  test('after 4 s before the work: an older list is not believed', async () => {
    vi.setSystemTime(CLOCK.getTime() + 8_000)
    expect((await post(running.url, token, scan(3))).status).toBe(200)
    expect(spent()).toEqual({ ...nothing, statements: ['revocations', 'coverages', 'append'] })
  })
})

/** Sends `count` requests while the first statement is kept waiting, until all of them wait; then lets it go on. */
async function crowd(count: number): Promise<string[]> {
  let arrived = 0
  const onArrival = () => {
    arrived++
  }
  subscribe('http.server.request.start', onArrival)
  tap.hold()
  const answers = Array.from({ length: count }, (_, i) => post(running.url, token, scan(i)))
  while (arrived < count) await sleep(10)
  await sleep(200) // their bodies are on this machine already; the loop that reads them is the one we sleep in
  unsubscribe('http.server.request.start', onArrival)
  tap.release()
  const statuses = (await Promise.all(answers)).map((answer) => answer.status)
  expect(statuses).toEqual(statuses.map(() => 200))
  const { statements, signatureChecks, callsElsewhere } = spent()
  expect({ signatureChecks, callsElsewhere }).toEqual({ signatureChecks: 0, callsElsewhere: 0 })
  return statements
}

function counted(statements: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const each of statements) counts[each] = (counts[each] ?? 0) + 1
  return counts
}

describe('64 at once, warm', () => {
  test('at most 5 statements where one by one needs 128', async () => {
    await warmUp()
    const counts = counted(await crowd(64))
    // those who come in the first turn read together, as nobody waits for company; all others share the next read
    expect(counts['coverages']).toBeLessThanOrEqual(2)
    // the first write while the others are read. If they come in two turns, there are two writes more.
    expect(counts['append']).toBeLessThanOrEqual(3)
    expect(Object.keys(counts).sort()).toEqual(['append', 'coverages'])
  })

  test('after a pause: one statement more, all wait for the same list', async () => {
    await warmUp()
    vi.setSystemTime(CLOCK.getTime() + 20_000)
    const counts = counted(await crowd(64))
    expect(counts['revocations']).toBe(1)
    // all are let go in one turn, and share the read and the write
    expect(counts['coverages']).toBe(1)
    expect(counts['append']).toBe(1)
  })
})

test('typed: an unknown number, a mismatch and a match run the same statements, to the letter', async () => {
  await warmUp()
  const [someone] = people
  if (someone === undefined) throw new Error('no people')
  const { citizenId, fullName, dateOfBirth } = someone
  const typed = (number: string, name: string) =>
    verification({ kind: 'chipIdTyped', number, fullName: name, dateOfBirth })
  const asked = {
    match: typed(citizenId, fullName),
    mismatch: typed(citizenId, 'Quách Hoàng Phi Yến'),
    unknown: typed('038199999999', fullName),
    // no number at all is looked up like one: '' leads nowhere, at the same cost
    numberless: verification({ kind: 'document', document: 'birthCertificate', fullName, dateOfBirth }),
  }
  const codes: Record<string, string | undefined> = {}
  const run: string[][] = []
  for (const [name, body] of Object.entries(asked)) {
    tap.taken()
    codes[name] = (await post(running.url, token, body)).body.code
    run.push(tap.taken())
  }
  expect(codes).toEqual({ match: 'valid', mismatch: 'no_match', unknown: 'no_match', numberless: 'no_match' })
  for (const statements of run) expect(statements).toEqual(run[0])
  expect(run[0]).toHaveLength(2)
})

test('what is refused at the door costs no statement', async () => {
  await warmUp()
  const bad = [
    await post(running.url, null, scan(0)),
    await post(running.url, `${token.slice(0, -5)}AAAAA`, scan(0)),
    await post(running.url, token, '{'),
    await post(running.url, token, { ...scan(0), unknown: 1 }),
    await post(running.url, token, verification({ kind: 'chipIdQr', text: 'x' })),
    await post(running.url, token, { ...scan(0), serviceDate: '2008-01-01' }),
    await post(running.url, token, scan(0), { 'idempotency-key': 'not valid' }),
    await post(running.url, await world.token('auditor:test'), scan(0)),
  ]
  expect(bad.map((answer) => answer.status)).toEqual([401, 401, 400, 400, 400, 400, 400, 403])
  // the forged token and the auditor's were checked; the facility's is known
  expect(spent()).toEqual({ ...nothing, signatureChecks: 2 })
})

describe('an Idempotency-Key', () => {
  test('costs nothing the first time: it is claimed in the append; a replay reads the earlier answer, + 1', async () => {
    await warmUp()
    const headers = { 'idempotency-key': 'budget-1' }
    const first = await post(running.url, token, scan(4), headers)
    expect(spent()).toEqual({ ...nothing, statements: ['coverages', 'append'] })
    const again = await post(running.url, token, scan(4), headers)
    expect(again.body).toEqual(first.body)
    // whether the key is taken is known only when the append does not claim it
    expect(spent()).toEqual({ ...nothing, statements: ['coverages', 'append', 'earlier answer'] })
  })

  test('another request under it: the same + 1', async () => {
    await warmUp()
    const headers = { 'idempotency-key': 'budget-2' }
    await post(running.url, token, scan(5), headers)
    spent()
    expect((await post(running.url, token, scan(6), headers)).status).toBe(422)
    expect(spent()).toEqual({ ...nothing, statements: ['coverages', 'append', 'earlier answer'] })
  })
})

describe('a batch', () => {
  const batch = async (count: number, headers: Record<string, string> = {}) => {
    const response = await fetch(`${running.url}/v1/verifications/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
      body: JSON.stringify({ items: Array.from({ length: count }, (_, i) => scan(i)) }),
    })
    const { items } = (await response.json()) as { items: { status: number }[] }
    expect(items.map((each) => each.status)).toEqual(Array.from({ length: count }, () => 200))
  }

  test('one read and one write for each part of 32', async () => {
    await warmUp()
    await batch(32)
    expect(spent()).toEqual({ ...nothing, statements: ['coverages', 'append'] })
    await batch(33)
    expect(spent()).toEqual({ ...nothing, statements: ['coverages', 'append', 'coverages', 'append'] })
  })

  test('repeated under its key: + 1 a part, for the earlier answers of all its items', async () => {
    await warmUp()
    await batch(32, { 'idempotency-key': 'budget-batch' })
    expect(spent()).toEqual({ ...nothing, statements: ['coverages', 'append'] })
    await batch(32, { 'idempotency-key': 'budget-batch' })
    expect(counted(spent().statements)).toEqual({ coverages: 1, append: 1, 'earlier answer': 1 })
  })
})

describe('other paths', () => {
  const get = (path: string, bearer: string, headers: Record<string, string> = {}) =>
    fetch(`${running.url}${path}`, { headers: { authorization: `Bearer ${bearer}`, ...headers } })

  test('GET by id: one read, as the id names log and index', async () => {
    const { body } = await post(running.url, token, scan(7))
    spent()
    expect((await get(`/v1/verifications/${body.id}`, token)).status).toBe(200)
    expect(spent()).toEqual({ ...nothing, statements: ['entry'] })
    // a foreign one costs the same as one that is not there, and a malformed id nothing
    expect((await get('/v1/verifications/v1-34359738367', token)).status).toBe(404)
    expect(spent()).toEqual({ ...nothing, statements: ['entry'] })
    expect((await get('/v1/verifications/x', token)).status).toBe(404)
    expect(spent()).toEqual(nothing)
  })

  test('GET by an auditor: + 1, the read is itself an entry', async () => {
    const { body } = await post(running.url, token, scan(8))
    const auditor = await world.token('auditor:test')
    spent()
    expect((await get(`/v1/verifications/${body.id}`, auditor, { 'audit-purpose': 'claimReview' })).status).toBe(200)
    expect(spent()).toEqual({ ...nothing, signatureChecks: 1, statements: ['entry', 'append'] })
  })

  test('a token: the client’s key, its assertion checked once, its jti taken', async () => {
    const pair = world.clients.get('facility:38001')
    if (pair === undefined) throw new Error('no such client')
    const now = Math.floor(Date.now() / 1000)
    const assertion = await new SignJWT({ jti: 'budget' })
      .setProtectedHeader({ alg: 'EdDSA', kid: pair.kid })
      .setIssuer('facility:38001')
      .setSubject('facility:38001')
      .setAudience(`${PUBLIC_URL}/oauth/token`)
      .setIssuedAt(now)
      .setExpirationTime(now + 60)
      .sign(await importJWK(pair, 'EdDSA'))
    const response = await fetch(`${running.url}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      }),
    })
    expect(response.status).toBe(200)
    expect(spent()).toEqual({ ...nothing, signatureChecks: 1, statements: ['client key', 'jti'] })
  })

  test('readiness: one statement, liveness and the public keys none', async () => {
    expect((await fetch(`${running.url}/health/ready`)).status).toBe(200)
    expect(spent()).toEqual({ ...nothing, statements: ['readiness'] })
    expect((await fetch(`${running.url}/health/live`)).status).toBe(200)
    expect((await fetch(`${running.url}/.well-known/jwks.json`)).status).toBe(200)
    expect(spent()).toEqual(nothing)
  })

  test('a claim share: what is known of the visit, its person, its checks, one append; again: what is known, and it', async () => {
    await warmUp()
    const someone = people[0]
    if (someone === undefined) throw new Error('no people')
    const visit = { facility: '38001', visitId: 'budget', day: today, seed: 'budget' }
    const send = (codes: string) =>
      fetch(`${running.url}/v1/claim-shares`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/xml',
          'claim-check-codes': codes,
          'claim-reason': 'x',
        },
        body: claimFile(claimTables(someone, visit), '38001'),
      })
    expect((await send('00000-00000')).status).toBe(202)
    const once = ['visit of a share', 'coverages', 'check entries', 'append of a share']
    expect(spent()).toEqual({ ...nothing, statements: once })
    expect((await send('00000-00000')).status).toBe(202)
    expect(spent()).toEqual({ ...nothing, statements: ['visit of a share', 'share'] })
  })
})
