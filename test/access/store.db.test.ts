import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AccessScope, Principal } from '../../src/access/principal.ts'
import { noRevocationsYet, refuseRevoked } from '../../src/access/revocations.ts'
import {
  findClientKey,
  findRevoked,
  pruneJti,
  revokeKeys,
  saveClient,
  saveClients,
  useJti,
} from '../../src/access/store.ts'
import { connect, type Sql } from '../../src/db/connect.ts'
import type { Query } from '../../src/db/pool.ts'
import { createWorld, type World } from '../support/service.ts'

let world: World
let sql: Sql
let other: Sql

beforeAll(async () => {
  world = await createWorld([])
  const options = { connectionsMax: 4, statementTimeoutMs: 10_000, applicationName: 'access' }
  sql = connect(world.appUrl, options)
  other = connect(world.appUrl, options)
})

afterAll(async () => {
  await Promise.all([sql?.end(), other?.end()])
  await world?.close()
})

const jwk = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) }
const nextYear = new Date(Date.now() + 365 * 86_400_000)

function addKey(clientId: string, keyId: string, expiresAt = nextYear) {
  const client = { clientId, facility: clientId.slice('facility:'.length), scopes: ['verify' as const] }
  return saveClient(world.owner, client, { keyId, publicJwk: jwk, expiresAt })
}

describe('a jti', () => {
  const soon = () => new Date(Date.now() + 60_000)

  test('is taken once, whoever of many takes it at the same moment, on any instance', async () => {
    for (let n = 0; n < 20; n++) {
      const expiresAt = soon()
      const takers = Array.from({ length: 8 }, (_, i) =>
        useJti(i % 2 === 0 ? sql : other, 'facility:38001', `j${n}`, expiresAt),
      )
      expect((await Promise.all(takers)).filter((each) => each)).toHaveLength(1)
    }
  })

  test('of one client does not take that of another', async () => {
    expect(await useJti(sql, 'facility:38001', 'common', soon())).toBe(true)
    expect(await useJti(sql, 'facility:38002', 'common', soon())).toBe(true)
  })

  test('is swept only when its assertion is dead, in passing and by the sweep', async () => {
    await world.owner`delete from jti`
    const past = new Date(Date.now() - 1_000)
    for (let n = 0; n < 6; n++)
      await world.owner`insert into jti values ('facility:38001', ${`dead ${n}`}, ${past.toISOString()})`
    await useJti(sql, 'facility:38001', 'alive', soon())
    const left = () => world.owner<{ jti: string }[]>`select jti from jti order by jti`
    expect(await left()).toHaveLength(5)
    expect(await pruneJti(sql)).toBe(4)
    expect((await left()).map((row) => row.jti)).toEqual(['alive'])
    expect(await useJti(sql, 'facility:38001', 'alive', soon())).toBe(false)
  })
})

describe('a key', () => {
  test('that is added again stays as it was: neither longer in force, nor no more revoked', async () => {
    await addKey('facility:38001', 'again')
    await revokeKeys(world.owner, 'facility:38001', 'again')
    const before = await findClientKey(sql, 'facility:38001', 'again')
    expect(before?.revokedAt).not.toBeNull()
    await addKey('facility:38001', 'again', new Date(nextYear.getTime() + 86_400_000))
    expect(await findClientKey(sql, 'facility:38001', 'again')).toEqual(before)
  })

  test('of each of many that are saved at once is its own, and what a client may do is what was said last', async () => {
    const save = (scopes: AccessScope[]) =>
      saveClients(
        world.owner,
        ['facility:38008', 'facility:38009'].map((clientId) => ({
          client: { clientId, facility: clientId.slice('facility:'.length), scopes },
          key: { keyId: 'of many', publicJwk: { ...jwk, kid: clientId }, expiresAt: nextYear },
        })),
      )
    await save(['verify'])
    await save(['verify', 'share'])
    for (const clientId of ['facility:38008', 'facility:38009']) {
      const found = await findClientKey(sql, clientId, 'of many')
      expect(found?.scopes).toEqual(['verify', 'share'])
      expect(found?.publicJwk).toMatchObject({ kid: clientId })
    }
  })

  test('is revoked alone, or with all of its client; what was revoked before keeps its time', async () => {
    for (const key of ['a', 'b', 'c']) await addKey('facility:38003', key)
    expect(await revokeKeys(world.owner, 'facility:38003', 'b')).toBe(1)
    const first = (await findClientKey(sql, 'facility:38003', 'b'))?.revokedAt
    expect((await findClientKey(sql, 'facility:38003', 'a'))?.revokedAt).toBeNull()
    expect(await revokeKeys(world.owner, 'facility:38003', null)).toBe(2)
    expect((await findClientKey(sql, 'facility:38003', 'b'))?.revokedAt).toEqual(first)
    expect(await revokeKeys(world.owner, 'facility:38003', null)).toBe(0)
    expect(await revokeKeys(world.owner, 'facility:38999', null)).toBe(0)
  })

  test('of a facility that is not in the catalogue is refused, and leaves no client', async () => {
    await expect(addKey('facility:99999', 'a')).rejects.toMatchObject({ code: '23503' })
    expect((await world.owner`select from client where client_id = 'facility:99999'`).count).toBe(0)
  })
})

describe('what was revoked', () => {
  test('is listed for as long as a token of before may live, and no longer', async () => {
    await addKey('facility:38004', 'old')
    await addKey('facility:38004', 'new')
    await world.owner`update client_key set revoked_at = now() - interval '10 minutes 50 seconds' where key_id = 'new'`
    await world.owner`update client_key set revoked_at = now() - interval '11 minutes 1 second' where key_id = 'old'`
    const listed = await findRevoked(sql)
    expect(listed).toContainEqual({ clientId: 'facility:38004', keyId: 'new' })
    expect(listed).not.toContainEqual({ clientId: 'facility:38004', keyId: 'old' })
  })

  test('is known to a process that is asked at any pace within 5 s', async () => {
    // seconds between the requests of a process: a list of 2 s is renewed beside them, one of 4 s before them
    for (const [n, paceMs] of [100, 900, 1_900, 2_100, 3_900, 4_100, 60_000].entries()) {
      const keyId = `pace ${n}`
      await addKey('facility:38005', keyId)
      const principal = { clientId: 'facility:38005', keyId } as Principal
      const revocations = noRevocationsYet()
      const query: Query = (work) => work(sql)
      let nowMs = Date.now()
      const passes = async (): Promise<boolean> => {
        const background: Promise<unknown>[] = []
        const passed = await refuseRevoked(revocations, principal, query, nowMs, (work) => background.push(work)).then(
          () => true,
          () => false,
        )
        await Promise.all(background)
        return passed
      }
      expect(await passes()).toBe(true)
      await revokeKeys(world.owner, 'facility:38005', keyId)
      const revokedMs = nowMs
      let lastPassedMs = nowMs
      for (let i = 0; i < 60 && nowMs < revokedMs + 10_000; i++) {
        nowMs += paceMs
        if (await passes()) lastPassedMs = nowMs
      }
      expect([paceMs, lastPassedMs - revokedMs <= 5_000]).toEqual([paceMs, true])
    }
  })

  test('is not forgotten when the database cannot be asked: after 4 s nobody passes', async () => {
    await addKey('facility:38006', 'a')
    const principal = { clientId: 'facility:38006', keyId: 'a' } as Principal
    const revocations = noRevocationsYet()
    const own = connect(world.appUrl, { connectionsMax: 1, statementTimeoutMs: 1_000, applicationName: 'access' })
    const query: Query = (work) => work(own)
    const now = Date.now()
    await refuseRevoked(revocations, principal, query, now, () => {})
    await own.end()
    await refuseRevoked(revocations, principal, query, now + 3_900, (work) => work.catch(() => {}))
    await expect(refuseRevoked(revocations, principal, query, now + 4_100, () => {})).rejects.toMatchObject({
      code: 'database_unavailable',
    })
  })
})
