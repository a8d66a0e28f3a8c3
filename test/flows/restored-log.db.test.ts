import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDetails } from '../../src/audit/log.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { connect } from '../../src/db/connect.ts'
import { readMark } from '../../src/host/log-mark.ts'
import { asking, record, scan } from '../http/http-support.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { kiemthe } from '../support/kiemthe.ts'
import { logState, sound } from '../support/log.ts'
import { restoredDatabases } from '../support/restored-database.ts'
import { createWorld, post, type World } from '../support/service.ts'

/** A database restored from an older backup has a sound log, and receipts of a longer one are in people's hands. */

const someone = record()
const databases = restoredDatabases()
const backup = () => databases.of(world)

let world: World
let keys: Awaited<ReturnType<typeof keysFolder>>
let token: string
let markFile: string

beforeAll(async () => {
  world = await createWorld([someone])
  keys = await keysFolder(world)
  token = await world.token('facility:38001')
  markFile = join(keys.path, 'log-mark.json')
})

afterAll(async () => {
  await world?.close()
  await databases.drop()
  await keys?.remove()
})

/** Verifications one after the other, by a server of the test's own; returns their indexes. */
async function append(count: number, env: Record<string, string>): Promise<number[]> {
  const running = await world.start(env)
  const indexes: number[] = []
  try {
    for (let n = 0; n < count; n++) {
      const { status, body } = await post(running.url, token, asking(scan(someone)))
      expect(status).toBe(200)
      indexes.push(body.receipt?.index ?? -1)
    }
  } finally {
    await running.server.close()
  }
  return indexes
}

function acceptBehind(ownerUrl: string, ...args: string[]) {
  return kiemthe(['log', 'accept-behind', ...args], {
    DATABASE_URL: ownerUrl,
    DATA_KEYS_FILE: join(keys.path, 'data-keys.json'),
    LOG_MARK_FILE: markFile,
  })
}

test('an older backup would be served as if its missing entries had never been', async () => {
  expect(await append(3, { LOG_MARK_FILE: markFile })).toEqual([0, 1, 2])
  const older = await backup()
  const continued = await backup()
  expect(await append(4, { LOG_MARK_FILE: markFile })).toEqual([3, 4, 5, 6])
  const known = await readMark(markFile)
  expect(known?.size).toBe(7)
  const [last] = await world.owner<{ hash: string }[]>`
    select encode(leaf_hash, 'base64') as hash from log_entry where leaf_index = 6`
  expect(known?.lastLeafHash).toBe(last?.hash)
  // the log it belongs to: served, nothing to accept
  expect(await append(0, { LOG_MARK_FILE: markFile })).toEqual([])
  const needless = await acceptBehind(world.ownerUrl, '--reason', 'none')
  expect([needless.code, needless.stderr]).toEqual([2, expect.stringContaining('not behind')])

  // shorter
  const onOlder = { LOG_MARK_FILE: markFile, DATABASE_URL: older.appUrl }
  await expect(world.start(onOlder)).rejects.toThrow(/^logBehindWitness: the log has 3 entries, .* knows 7/)
  // as long, but another one: somebody served the older backup without the mark
  await append(5, { DATABASE_URL: continued.appUrl })
  const onContinued = { LOG_MARK_FILE: markFile, DATABASE_URL: continued.appUrl }
  await expect(world.start(onContinued)).rejects.toThrow(/^logBehindWitness: entry 6 of the log is another one/)
  // refusing changes nothing
  expect(await readMark(markFile)).toEqual(known)

  expect((await acceptBehind(older.ownerUrl)).code).toBe(2)
  await expect(world.start(onOlder)).rejects.toThrow('logBehindWitness')
  const accepted = await acceptBehind(older.ownerUrl, '--reason', 'the disk of 24 November')
  expect(accepted.stderr).toContain('entry 3: entries 3–6 of the former log are lost')
  expect(accepted.code).toBe(0)
  expect((await readMark(markFile))?.size).toBe(4)

  const owner = connect(older.ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'test' })
  try {
    const [entry] = await owner<{ body: string; sealed: Uint8Array }[]>`
      select body, sealed from log_entry join entry_detail using (log_id, leaf_index) where leaf_index = 3`
    const { kind, outcome } = JSON.parse(entry?.body ?? '{}')
    expect({ kind, outcome }).toEqual({
      kind: 'logBehindAccepted',
      outcome: { logSize: 3, markSize: 7, markLeafHash: known?.lastLeafHash, missingFrom: 3, missingTo: 6 },
    })
    const details = openDetails(deriveDataKeys(world.dataKeys), null, entry?.sealed ?? new Uint8Array())
    expect(JSON.parse(details)).toMatchObject({ reason: 'the disk of 24 November' })
    expect(entry?.body).not.toContain('disk')

    expect(await append(2, onOlder)).toEqual([4, 5])
    expect(await logState(owner)).toEqual(sound(6))
  } finally {
    await owner.end()
  }
  // the former database is now the one that the mark does not know
  await expect(world.start({ LOG_MARK_FILE: markFile })).rejects.toThrow('logBehindWitness')
})

test('a server that is killed would leave a mark that knows nothing of its entries', async () => {
  const file = join(keys.path, 'killed.json')
  const running = await world.start({ LOG_MARK_FILE: file })
  const { body } = await post(running.url, token, asking(scan(someone)))
  const size = (body.receipt?.index ?? Number.NaN) + 1
  // while it serves, not only when it drains
  await expect.poll(async () => (await readMark(file))?.size, { timeout: 20_000 }).toBe(size)
  // another process of the same service wrote an older state over it
  const whole = await readFile(file, 'utf8')
  const [first] = await world.owner<{ hash: string }[]>`
    select encode(leaf_hash, 'base64') as hash from log_entry where leaf_index = 0`
  await writeFile(file, JSON.stringify({ logId: 1, size: 1, lastLeafHash: first?.hash }))
  await expect.poll(() => readFile(file, 'utf8'), { timeout: 20_000 }).toBe(whole)
  await running.server.close()
})

test('a mark that cannot be read would count as none', async () => {
  const file = join(keys.path, 'broken.json')
  await writeFile(file, '{"logId":1,"si')
  await expect(world.start({ LOG_MARK_FILE: file })).rejects.toThrow('is not a mark of a log')
  expect(await readFile(file, 'utf8')).toBe('{"logId":1,"si')
})
