import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dataFolder, sealKeyOf } from '../../src/cli/data-folder.ts'
import { connect, type Sql } from '../../src/db/connect.ts'
import { readMark } from '../../src/host/log-mark.ts'
import { asking, record, scan, send } from '../http/http-support.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { type Command, kiemthe, kiemtheReading, startKiemthe } from '../support/kiemthe.ts'
import { checkProof } from '../support/outsider.ts'
import { type Restored, restoredDatabases } from '../support/restored-database.ts'
import { createWorld, post, type Reply, type Running, type World } from '../support/service.ts'

/** A database that came back behind what a witness cosigned: its log ends, another one begins, and nobody is turned away. */

const someone = record()
const databases = restoredDatabases()

let world: World
let folder: Awaited<ReturnType<typeof keysFolder>>
let token: string
let witness: Command
let witnessUrl: string
let witnessPort: string
let behind: Restored
let owner: Sql

const at = (name: string) => join(folder.path, name)
const files = () => ({ LOG_MARK_FILE: at('log-mark.json'), WITNESS_POLICY_FILE: at('policy.txt') })

beforeAll(async () => {
  world = await createWorld([someone])
  folder = await keysFolder(world)
  token = await world.token('facility:38001')
  await sealKeyOf(dataFolder(folder.path))
})

afterAll(async () => {
  await witness?.end('SIGKILL')
  await owner?.end()
  await world?.close()
  await databases.drop()
  await folder?.remove()
})

async function startWitness(logKeys: readonly string[], port: string): Promise<void> {
  const env = { WITNESS_NAME: 'w.example', WITNESS_FOLDER: at('witness'), WITNESS_LOGS: logKeys.join(' '), PORT: port }
  witness = startKiemthe(['witness'], env)
  await witness.until(/^ready http/m)
  const [, key = ''] = /^witness (.+)$/m.exec(witness.stdout()) ?? []
  const [, url = ''] = /^ready (.+)$/m.exec(witness.stdout()) ?? []
  witnessUrl = url
  witnessPort = new URL(url).port
  await writeFile(
    at('policy.txt'),
    [...logKeys.map((each) => `log ${each}`), `witness w ${key} ${url}`, 'quorum w', ''].join('\n'),
  )
}

/** What is recorded is published, and cosigned by whoever answers. */
async function sealOnce(databaseUrl: string) {
  return kiemthe(['seal', '--once'], {
    DATABASE_URL: databaseUrl,
    SEAL_KEY_FILE: at('seal-key.json'),
    SEAL_MARK_FILE: at('seal-mark.txt'),
    WITNESS_POLICY_FILE: at('policy.txt'),
  })
}

function command(on: Restored, args: string[], env: Record<string, string> = {}) {
  const base = { DATABASE_URL: on.ownerUrl, DATA_KEYS_FILE: at('data-keys.json'), SEAL_MARK_FILE: at('seal-mark.txt') }
  return startKiemthe(args, { ...base, ...files(), ...env })
}

const succeed = (on: Restored) => command(on, ['log', 'succeed', '--reason', 'the disk of 24 November']).ended

async function ask(url: string, key?: string): Promise<Reply> {
  const { status, body } = await post(
    url,
    token,
    asking(scan(someone)),
    key === undefined ? {} : { 'idempotency-key': key },
  )
  expect(status).toBe(200)
  return body
}

const textAt = async (url: string, path: string) => (await fetch(`${url}${path}`)).text()

async function verifierKeys(sql: Sql): Promise<string[]> {
  const rows = await sql<{ verifier: string }[]>`select verifier from log_key order by log_id, used_since`
  return rows.map((row) => row.verifier)
}

test('a log that lost what was cosigned would be forked, or its desks, ids and proofs be lost with it', async () => {
  const former: Running = await world.start({ LOG_MARK_FILE: at('log-mark.json') })
  const first = await ask(former.url, 'before')
  await writeFile(at('policy.txt'), 'quorum none\n')
  expect((await sealOnce(world.sealerUrl)).code).toBe(0)
  const [firstKey = ''] = await verifierKeys(world.owner)
  await startWitness([firstKey], '0')
  expect((await sealOnce(world.sealerUrl)).code).toBe(0)
  const oldProof = await textAt(former.url, '/v1/log/1/proof/0')
  // recorded, and in no checkpoint when the backup is made
  const visit = {
    visitId: '38001-1',
    claimedNumber: someone.cardNumber,
    presentedAt: new Date(Date.now() - 600_000).toISOString(),
    failures: [{ at: new Date(Date.now() - 500_000).toISOString(), code: '500' }],
    evidence: scan(someone),
  }
  const recorded = await send(former.url, { path: '/v1/unverified-visits', token, body: visit })
  expect([recorded.status, recorded.json.id]).toEqual([201, 'u1-1'])
  await former.server.close()
  behind = await databases.of(world)
  const older = await databases.of(world)
  const lost = await world.start({ LOG_MARK_FILE: at('log-mark.json') })
  for (let n = 0; n < 3; n++) await ask(lost.url)
  await lost.server.close()
  expect((await sealOnce(world.sealerUrl)).code).toBe(0)
  expect((await readMark(at('log-mark.json')))?.size).toBe(5)

  // refused, and the former log cannot go on
  const onBehind = { ...files(), DATABASE_URL: behind.appUrl }
  await expect(world.start(onBehind)).rejects.toThrow('logBehindWitness: the log has 2 entries')
  const accepting = await command(behind, ['log', 'accept-behind', '--reason', 'none']).ended
  expect([accepting.code, accepting.stderr]).toEqual([2, expect.stringContaining('log succeed')])
  expect((await sealOnce(behind.sealerUrl)).stderr).toMatch(/logBehind(Mark|Witness)|NOTHING/)

  // nothing inside tells, what somebody kept does
  const inside = await command(behind, ['fsck', '--keys', at('policy.txt')]).ended
  expect([inside.code, inside.stdout]).toEqual([0, expect.stringContaining('log 1: 2 entries')])
  const kept = await command(behind, ['fsck', '--keys', at('policy.txt'), '--checkpoint', at('seal-mark.txt')]).ended
  expect([kept.code, kept.stdout]).toEqual([
    1,
    expect.stringContaining('entries 2–4 were published, and the log ends before'),
  ])

  // killed while it waits for the log's head: the one log, or both
  owner = connect(behind.ownerUrl, { connectionsMax: 2, statementTimeoutMs: 0, applicationName: 'test' })
  const logs = async () => [...(await owner`select log_id, size, ends_at from log_head order by log_id`)]
  await copyFile(at('log-mark.json'), at('mark-before.json'))
  expect(await logs()).toHaveLength(1) // a client that never asked anything reserves nothing
  const held = await owner.reserve()
  await held`begin`
  await held`select from log_head where log_id = 1 for update`
  const killed = command(behind, ['log', 'succeed', '--reason', 'killed'])
  const waits = async () =>
    (
      await owner`select from pg_stat_activity where datname = current_database() and application_name = 'kiemthe log' and wait_event_type = 'Lock'`
    ).length
  await expect.poll(waits, { timeout: 30_000 }).toBe(1)
  await killed.end('SIGKILL')
  await owner`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'kiemthe log'`
  await held`rollback`
  held.release()
  expect(await logs()).toEqual([{ log_id: 1, size: 2, ends_at: null }])

  // two at once: one opens it
  const both = await Promise.all([succeed(behind), succeed(behind)])
  expect(both.map(({ code }) => code).toSorted()).toEqual([0, 2])
  const successors = [
    { log_id: 1, size: 2, ends_at: 2 },
    { log_id: 2, size: 1, ends_at: null },
  ]
  expect(await logs()).toEqual(successors)
  // killed before the mark was written: run again, it says so
  await copyFile(at('mark-before.json'), at('log-mark.json'))
  const again = await succeed(behind)
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('the successor already')])
  expect(await readMark(at('log-mark.json'))).toMatchObject({ logId: 2, size: 1 })
  expect(await logs()).toEqual(successors)
  const [opening] = await owner<{ body: string }[]>`select body from log_entry where log_id = 2 and leaf_index = 0`
  const { kind, outcome } = JSON.parse(opening?.body ?? '{}')
  expect({ kind, outcome }).toMatchObject({
    kind: 'logSucceeded',
    outcome: { formerLog: 1, formerSize: 2, checkpointSize: 5, lostFrom: 2, lostTo: 4, lostLog: null },
  })
  expect(outcome.checkpoint).toContain('— w.example ')
  expect(opening?.body).not.toContain('disk')

  // whatever release asks: the database does not let the former grow
  const app = connect(behind.appUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'test' })
  await expect(app`update log_head set size = size + 1 where log_id = 1`).rejects.toMatchObject({ code: '23514' })
  await app.end()

  // desks are answered; what they have keeps its meaning
  const present = await world.start(onBehind)
  const next = await ask(present.url, 'after')
  expect([next.id, next.receipt?.log, next.receipt?.index, next.receipt?.checkpoint]).toEqual(['v2-1', '2', 1, null])
  expect(await ask(present.url, 'before')).toMatchObject({
    id: first.id,
    receipt: { ...first.receipt, checkpoint: null },
  })
  const old = await send(present.url, { method: 'GET', path: `/v1/verifications/${first.id}`, token })
  expect(old.json).toMatchObject({ id: first.id, receipt: { checkCode: first.receipt?.checkCode, log: '1' } })
  expect((await ask(present.url, 'after')).id).toBe('v2-1')

  // sealed and cosigned anew, by a key of its own; the former's proofs stay
  expect((await sealOnce(behind.sealerUrl)).code).toBe(0)
  const keys = await verifierKeys(owner)
  expect(keys).toHaveLength(2)
  expect(keys[1]).toMatch(/^kiemthe\.example\/thanhhoa\/2\+/)
  await witness.end('SIGKILL')
  await startWitness(keys, witnessPort)
  expect(witnessUrl).toContain(witnessPort)
  expect((await sealOnce(behind.sealerUrl)).code).toBe(0)
  const leafOf = (answer: Reply) => Buffer.from(answer.receipt?.leafHash ?? '', 'base64')
  expect(checkProof(oldProof, firstKey, leafOf(first)).index).toBe(0)
  expect(checkProof(await textAt(present.url, '/v1/log/1/proof/0'), firstKey, leafOf(first)).index).toBe(0)
  await writeFile(at('proof'), await textAt(present.url, '/v1/log/2/proof/1'))
  await writeFile(at('answer.json'), JSON.stringify(next))
  const proven = await kiemthe(['verify-proof', at('proof'), '--keys', at('policy.txt'), '--answer', at('answer.json')])
  expect([proven.code, proven.stdout]).toEqual([0, expect.stringContaining('Cosigned by: w ')])
  const shown = JSON.parse(await textAt(present.url, '/v1/log/keys'))
  expect(shown.logs.map((log: { log: string }) => log.log)).toEqual(['1', '2'])

  // readers go on over both
  const recheckEnv = { ...onBehind, SERVICE_ID: 'urn:kiemthe:test', PUBLIC_URL: 'https://kiemthe.test' }
  const keyFiles = { DATA_KEYS_FILE: at('data-keys.json'), TOKEN_KEYS_FILE: at('token-keys.json') }
  for (let pass = 0; pass < 2; pass++) {
    const rechecked = await kiemthe(['recheck', '--once'], { ...recheckEnv, ...keyFiles })
    expect([rechecked.code, rechecked.stderr]).toEqual([0, ''])
    await owner`update unverified_visit set next_check_at = now() - interval '1 second'` // its first time is a minute off
  }
  const read = await send(present.url, { method: 'GET', path: '/v1/unverified-visits/u1-1', token })
  expect(read.json).toMatchObject({ id: 'u1-1', status: 'checked', outcome: { id: 'v2-2' } })
  expect(
    (
      await owner`select reader, next_index >> 40 as logs from log_cursor where reader in ('recheck', 'visits') order by reader`
    ).map((row) => ({ ...row })),
  ).toEqual([
    { reader: 'recheck', logs: 1 },
    { reader: 'visits', logs: 1 },
  ])

  // erased in both; fsck follows both, and knows what the former ended with
  const erased = await kiemtheReading(`${someone.citizenId}\n`, ['erase', 'YC-1', '--reason', 'asked'], {
    DATABASE_URL: behind.ownerUrl,
    DATA_KEYS_FILE: at('data-keys.json'),
  })
  expect([erased.code, erased.stderr]).toEqual([0, expect.stringContaining('4 entries')])
  await present.server.close()
  expect((await sealOnce(behind.sealerUrl)).code).toBe(0)
  const fsck = () => command(behind, ['fsck', '--keys', at('policy.txt')]).ended
  const sound = await fsck()
  expect([sound.code, sound.stdout]).toEqual([
    0,
    expect.stringMatching(/log 1: 2 entries[\s\S]*log 2: 4 entries[\s\S]*w: verified[\s\S]*4 not there/),
  ])
  const exported = await command(behind, ['export', at('one.txt'), '--log', '1']).ended
  expect(exported.code).toBe(0)
  expect((await kiemthe(['fsck', '--export', at('one.txt'), '--keys', at('policy.txt')])).code).toBe(0)
  await owner.unsafe(
    `update log_entry set body = body || ' ', leaf_hash = sha256('\\x00'::bytea || convert_to(body || ' ', 'UTF8')) where log_id = 1 and leaf_index = 1`,
  )
  const changed = await fsck()
  expect([changed.code, changed.stdout]).toEqual([
    1,
    expect.stringContaining('than the 2 entries that its successor was opened over'),
  ])

  // an older backup once more: the successor's name is used up, by the mark and by the policy
  await expect(world.start({ ...onBehind, DATABASE_URL: older.appUrl })).rejects.toThrow(
    /logBehindWitness: the log in force is 1, and that of log 2[\s\S]*successor kiemthe.example\/thanhhoa\/2/,
  )
  expect((await succeed(older)).code).toBe(0)
  const late = connect(older.ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'test' })
  const [third] = await late<{ origin: string; lost: string }[]>`
    select origin, body::json #>> '{outcome,lostLog}' as lost from log_head join log_entry using (log_id)
     where log_id = 3 and leaf_index = 0`
  expect(third).toEqual({ origin: 'kiemthe.example/thanhhoa/3', lost: '2' })
  await late.end()
}, 400_000) // some twenty processes of ours, one after the other
