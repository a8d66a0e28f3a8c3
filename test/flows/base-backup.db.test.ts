import { execFile } from 'node:child_process'
import { chmod, chown, cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findEntry } from '../../src/audit/store.ts'
import { type EmbeddedPostgres, startEmbedded, stopEmbedded } from '../../src/cli/embedded/start.ts'
import { connect } from '../../src/db/connect.ts'
import { readMark } from '../../src/host/log-mark.ts'
import { asking, record, scan } from '../http/http-support.ts'
import { asSuperuser } from '../support/cluster.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { kiemthe } from '../support/kiemthe.ts'
import { logState, sound } from '../support/log.ts'
import { createWorld, post, type Running, type World } from '../support/service.ts'
import { prepareTemplate } from '../support/template.ts'
import { removeThrowaway, throwawayFolder } from '../support/throwaway-folder.ts'

/**
 * An online base backup and an archive of the WAL, by the functions that `pg_basebackup` calls: the embedded PostgreSQL
 * comes without that program. Nothing is killed here, so no disk is waited for.
 */

const someone = record()

let folder: string
let archive: string
let server: EmbeddedPostgres
let world: World
let keys: Awaited<ReturnType<typeof keysFolder>>
let running: Running
let token: string
let markFile: string
const restored: string[] = []

beforeAll(async () => {
  folder = await throwawayFolder()
  archive = join(dirname(folder), 'archive')
  await mkdir(archive)
  await chmod(archive, 0o777) // the account of PostgreSQL writes it
  server = await startEmbedded({
    folder,
    settings: {
      fsync: 'off',
      wal_level: 'replica',
      archive_mode: 'on',
      archive_command: `test ! -f ${archive}/%f && cp %p ${archive}/%f`,
    },
  })
  const superuser = { host: server.host, port: server.port, password: server.password }
  world = await createWorld([someone], { cluster: { ...superuser, ...(await prepareTemplate(superuser)) } })
  keys = await keysFolder(world)
  token = await world.token('facility:38001')
  markFile = join(keys.path, 'log-mark.json')
  running = await world.start({ LOG_MARK_FILE: markFile })
})

afterAll(async () => {
  await world?.close()
  await keys?.remove()
  for (const each of restored) await stopEmbedded(each)
  if (folder !== undefined) await removeThrowaway(folder)
})

async function append(url = running.url): Promise<number> {
  const { status, body } = await post(url, token, asking(scan(someone)))
  expect(status).toBe(200)
  return body.receipt?.index ?? Number.NaN
}

/** As the program does it, while the service goes on. */
async function baseBackup(to: string): Promise<void> {
  const sql = asSuperuser(server)
  try {
    await sql`select pg_backup_start('test', true)`
    await mkdir(to, { recursive: true })
    const copy = `tar -C "$0" --exclude='./pg_wal/*' --exclude=./postmaster.pid -cf - . | tar -C "$1" -xpf -`
    await promisify(execFile)('bash', ['-c', copy, join(folder, 'data'), to])
    const [stopped] = await sql<{ labelfile: string }[]>`select labelfile from pg_backup_stop(true)`
    await addFile(to, 'backup_label', stopped?.labelfile ?? '')
  } finally {
    await sql.end()
  }
}

/** Whose the folder is, who is not us when we are root: PostgreSQL opens these for writing. */
async function addFile(data: string, name: string, text: string): Promise<void> {
  const { uid, gid } = await stat(data)
  await writeFile(join(data, name), text)
  await chown(join(data, name), uid, gid)
}

/** Every record that was written so far is in the archive. */
async function archiveAll(): Promise<void> {
  const sql = asSuperuser(server)
  try {
    const [last] = await sql<{ file: string }[]>`select pg_walfile_name(pg_switch_wal()) as file`
    const archived = async () => {
      const [row] = await sql<{ file: string | null }[]>`select last_archived_wal as file from pg_stat_archiver`
      return (row?.file ?? '') >= (last?.file ?? 'none')
    }
    await expect.poll(archived, { timeout: 20_000 }).toBe(true)
  } finally {
    await sql.end()
  }
}

/** A server on a copy of the backup and what the archive holds; its URLs, otherwise those of the world. */
async function restore(backup: string, name: string, settings: Record<string, string>) {
  const home = join(dirname(folder), name)
  await mkdir(home, { mode: 0o755 })
  await promisify(execFile)('cp', ['-a', backup, join(home, 'data')])
  await cp(join(folder, 'password'), join(home, 'password'))
  await addFile(join(home, 'data'), 'recovery.signal', '')
  restored.push(home)
  const command = {
    restore_command: `cp ${archive}/%f %p`,
    recovery_target_action: 'promote',
    fsync: 'off',
    wal_level: 'replica',
  }
  const { port } = await startEmbedded({ folder: home, settings: { ...command, ...settings } })
  const at = (url: string) => Object.assign(new URL(url), { port: String(port) }).href
  const owner = connect(at(world.ownerUrl), { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'test' })
  // a server answers while it recovers, and takes no appends until it is through
  const recovering = async () => (await owner<{ still: boolean }[]>`select pg_is_in_recovery() as still`)[0]?.still
  await expect.poll(recovering, { timeout: 20_000 }).toBe(false)
  return { owner, env: { LOG_MARK_FILE: markFile, DATABASE_URL: at(world.appUrl) } }
}

test('a base backup made under load would restore to another log, or one that is behind be served', async () => {
  await append()
  const backup = join(dirname(folder), 'backup')
  let backingUp = true
  const during = (async () => {
    let last = 0
    do last = await append()
    while (backingUp)
    return last
  })()
  await baseBackup(backup).finally(() => {
    backingUp = false
  })
  const lastDuring = await during
  for (let n = 0; n < 3; n++) await append()
  await running.server.close()
  await archiveAll()
  const size = lastDuring + 4
  expect((await readMark(markFile))?.size).toBe(size)

  // the backup by itself: as old as its end
  const alone = await restore(backup, 'alone', { recovery_target: 'immediate' })
  const behind = await logState(alone.owner)
  expect(behind).toEqual(sound(behind.size))
  expect(behind.size).toBeGreaterThan(1)
  expect(behind.size).toBeLessThanOrEqual(size - 3)
  await expect(world.start(alone.env)).rejects.toThrow(`logBehindWitness: the log has ${behind.size} entries`)
  await alone.owner.end()

  // with the archive: to the last second, and it goes on
  const whole = await restore(backup, 'whole', {})
  expect(await logState(whole.owner)).toEqual(sound(size))
  const again = await world.start(whole.env)
  expect(await append(again.url)).toBe(size)
  await again.server.close()
  expect(await logState(whole.owner)).toEqual(sound(size + 1))
  await whole.owner.end()
})

/** Files of the data folder that hold these bytes. */
async function filesWith(bytes: Buffer): Promise<string[]> {
  const files = await readdir(join(folder, 'data'), { recursive: true, withFileTypes: true })
  const holding = await Promise.all(
    files
      .filter((file) => file.isFile())
      .map(async (file) => {
        const path = join(file.parentPath, file.name)
        // PostgreSQL removes files of its own meanwhile
        const content = await readFile(path).catch(() => Buffer.alloc(0))
        return content.includes(bytes) ? path : null
      }),
  )
  return holding.filter((path) => path !== null)
}

test('what was erased would stay in the data folder: in free room of pages, or in the write-ahead log', async () => {
  const { url, server: own } = await world.start()
  const kept = await append(url)
  const index = await append(url) // beside the free room of its page: nothing moves over it
  await own.close()
  const sealedOf = async (at: number) => Buffer.from((await findEntry(world.owner, 1, at))?.sealed ?? [])
  const [sealed, other] = await Promise.all([sealedOf(index), sealedOf(kept)])
  expect(sealed.length).toBeGreaterThan(100)
  await world.owner`delete from entry_detail where leaf_index = ${index}`
  await world.owner`vacuum entry_detail`
  await world.owner`checkpoint`
  // the page has it, and the log that was written first
  expect((await filesWith(sealed)).length).toBeGreaterThan(1)
  const env = { DATABASE_URL: world.ownerUrl, DATA_KEYS_FILE: join(keys.path, 'data-keys.json') }
  const scrubbed = await kiemthe(['erase', '--scrub'], env)
  expect(scrubbed).toMatchObject({ code: 0 })
  expect(await filesWith(sealed)).toEqual([])
  expect(await filesWith(other)).toHaveLength(1)
  const [setting] = await world.owner<{ wal_recycle: string }[]>`show wal_recycle`
  expect(setting?.wal_recycle).toBe('on')
})
