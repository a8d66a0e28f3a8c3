import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { person } from '../../mocks/province/person.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { insurerLogin, sealLogin } from '../../src/claim-share/send/login.ts'
import { saveLogins } from '../../src/claim-share/send/store.ts'
import { type DataKeysFile, deriveDataKeys } from '../../src/data-keys.ts'
import { connect, type Sql } from '../../src/db/connect.ts'
import { oddSession } from '../../src/db/readiness.ts'
import { lacking } from '../../src/db/roles.ts'
import { senderUnfitness, syncUnfitness } from '../../src/host/fitness.ts'
import { StartError } from '../../src/host/start-error.ts'
import { startServer } from '../../src/node.ts'
import { asSuperuser, databaseUrl } from '../support/cluster.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { kiemthe } from '../support/kiemthe.ts'
import { createWorld, testConfig, type World } from '../support/service.ts'

const people = Array.from({ length: 20 }, (_, i) => person({ seed: 'roles', baseDate: todayInVietnam(new Date()) }, i))

let world: World
const open: Sql[] = []
/** What the test changed, as the statements that take it back, last first. */
const undo: string[] = []

/** Roles belong to the cluster that all suites share: each has a name of its own and is dropped. */

beforeAll(async () => {
  world = await createWorld(people.flatMap((each) => each.coverages))
})

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.end({ timeout: 1 })))
  for (const statement of undo.splice(0).reverse()) await world.owner.unsafe(statement)
})

afterAll(() => world?.close())

async function change(statement: string, back: string): Promise<void> {
  undo.push(back)
  await world.owner.unsafe(statement)
}

function connection(url: string): Sql {
  const sql = connect(url, { connectionsMax: 1, statementTimeoutMs: 10_000, applicationName: 'roles' })
  open.push(sql)
  return sql
}

const suffix = randomBytes(4).toString('hex')

async function makeRole(name: string): Promise<string> {
  const role = `t_${name}_${suffix}`
  await change(`create role ${role} login password 'test'`, `drop owned by ${role}; drop role ${role}`)
  return role
}

/** What the request role may do, under another name, so that it can be given more. */
async function makeServingRole(): Promise<string> {
  const role = await makeRole('serving')
  await world.owner.unsafe(`grant kiemthe_app to ${role} with inherit true`)
  return role
}

function urlOf(role: string, url = world.appUrl): string {
  const as = new URL(url)
  as.username = role
  as.password = 'test'
  return as.href
}

/** What a start says against it; empty when it serves. */
async function refusal(url = world.appUrl, keys: DataKeysFile = world.dataKeys): Promise<string> {
  try {
    const server = await startServer(testConfig(url, {}), { data: keys, token: world.tokenKeys }, { write: () => {} })
    await server.close()
    return ''
  } catch (error) {
    expect(error).toBeInstanceOf(StartError)
    return (error as StartError).message
  }
}

describe('the role that answers requests', () => {
  test.each([
    'update log_entry set body = body',
    'update log_entry set leaf_hash = leaf_hash',
    'delete from log_entry',
    'truncate log_entry',
    'update entry_detail set sealed = sealed',
    'delete from entry_detail',
    'truncate entry_detail',
    "update log_head set origin = 'elsewhere'",
    'update log_head set log_id = 2',
    "insert into log_head values (2, 'elsewhere', 0)",
    'delete from log_head',
    'truncate log_head',
    "update coverage set status = 'active'",
    'delete from coverage',
    'insert into coverage select * from coverage',
    'insert into alias select * from alias',
    'delete from alias',
    "insert into client values ('facility:38003', null, '{verify}')",
    'update client set disabled_at = null',
    'delete from client',
    "update client_key set expires_at = 'infinity'",
    'update client_key set revoked_at = null',
    "insert into client_key select client_id, 'mine', public_jwk, now(), 'infinity' from client_key",
    'select from enrolment',
    'update enrolment set tries_left = 20',
    "insert into enrolment values ('facility:38001', gen_random_uuid(), now(), 'infinity', 9)",
    "update facility set level = 'specialised'",
    'insert into facility select * from facility',
    'update feed_watermark set as_of = now()',
    'insert into feed_watermark select * from feed_watermark',
    'update feed_load set finished_at = now()',
    'delete from quarantine',
    'update log_tile set hashes = hashes',
    "insert into log_checkpoint values (2, 0, '')",
    'alter table log_entry disable trigger all',
    'create trigger t before insert on log_entry for each row execute function suppress_redundant_updates_trigger()',
    'drop table log_entry',
    'alter table log_entry rename to other',
    'create table public.mine ()',
    'create schema mine',
    'set role postgres',
    'set role kiemthe_sealer',
    'set session_replication_role = replica',
    'create role mine',
  ])('may not: %s', async (statement) => {
    await expect(connection(world.appUrl).unsafe(statement)).rejects.toMatchObject({ code: '42501' })
  })

  test('may grow the log by its size only', async () => {
    await connection(world.appUrl)`update log_head set size = size`
  })

  test('has a session in UTC and an end to its statements where nobody asks for them, as behind a pooler', async () => {
    const [{ name } = { name: '' }] = await world.owner<{ name: string }[]>`select current_database() as name`
    await change(
      `alter database ${name} set timezone to 'Asia/Ho_Chi_Minh'; alter database ${name} set datestyle to 'SQL'`,
      `alter database ${name} reset all`,
    )
    const plain = postgres(world.appUrl, { max: 1, fetch_types: false })
    try {
      expect(await oddSession(plain as unknown as Sql)).toBeNull()
      expect((await plain`show statement_timeout`)[0]).toEqual({ statement_timeout: '3s' })
    } finally {
      await plain.end()
    }
  })

  test('serves with no more than that', async () => {
    expect(await refusal()).toBe('')
    expect(await refusal(urlOf(await makeServingRole()))).toBe('')
  })
})

describe('the role that brings the feed in', () => {
  test.each([
    'update log_entry set body = body',
    'delete from log_entry',
    'truncate log_entry',
    'update entry_detail set sealed = sealed',
    'select from log_entry',
    'select from entry_detail',
    "update log_head set origin = 'elsewhere'",
    'delete from log_head',
    "update coverage set status = 'active'",
    'update coverage set known_from = now()',
    'delete from coverage',
    'truncate coverage',
    'update alias set alias = subject',
    'delete from alias_change',
    'update feed_batch set rows = 0',
    'delete from feed_batch',
    'insert into feed_watermark select * from feed_watermark',
    'update feed_watermark set lookup_generation = 1',
    'delete from feed_watermark',
    'update quarantine set resolved_at = now()',
    'delete from quarantine',
    'insert into feed_inbox select * from feed_inbox',
    'update client_key set revoked_at = null',
    "insert into client values ('feed:other', null, '{sync}')",
    'select from enrolment',
    'update facility set code = code',
    'delete from facility',
    'update facility_version set name = name',
    'update facility_version set known_from = now()',
    'delete from facility_version',
    'select from unverified_visit',
    'select from idempotency',
    'create table public.mine ()',
    'set role postgres',
    'set role kiemthe_app',
  ])('may not: %s', async (statement) => {
    await expect(connection(world.syncUrl).unsafe(statement)).rejects.toMatchObject({ code: '42501' })
  })

  const refused = async (url: string, keys = world.dataKeys) => {
    const sql = connection(url)
    return (await syncUnfitness((run) => run(sql), deriveDataKeys(keys))).join('\n')
  }

  test('pull refuses another one at its start: what could change the log, and what could bring nothing in', async () => {
    expect(await refused(world.syncUrl)).toBe('')
    expect(await refused(world.ownerUrl)).toContain('could change the log; use kiemthe_sync')
    expect(await refused(world.appUrl)).toContain('cannot bring batches in; use kiemthe_sync')
    expect(await refused(`${world.syncUrl}?TimeZone=Europe/London`)).toContain('alter role kiemthe_sync')
    const lookup = randomBytes(32).toString('base64')
    expect(await refused(world.syncUrl, { ...world.dataKeys, lookup })).toContain('the data keys are not those')
    await change('grant delete on log_entry to kiemthe_sync', 'revoke delete on log_entry from kiemthe_sync')
    expect(await refused(world.syncUrl)).toContain('DELETE on log_entry')
  })

  test('pull itself asks', async () => {
    const files = await keysFolder(world)
    const env = (DATABASE_URL: string) => ({ DATABASE_URL, DATA_KEYS_FILE: join(files.path, 'data-keys.json') })
    const [owner, own] = await Promise.all([
      kiemthe(['pull', '--once'], env(world.ownerUrl)),
      kiemthe(['pull', '--once'], env(world.syncUrl)),
    ])
    await files.remove()
    expect([owner.code, owner.stderr]).toEqual([1, expect.stringContaining('use kiemthe_sync')])
    expect(own).toMatchObject({ code: 0, stderr: '' })
  })
})

describe('the role that sends claims', () => {
  test.each([
    'update log_entry set body = body',
    'delete from log_entry',
    'update entry_detail set sealed = sealed',
    'select sealed from entry_detail',
    'select salt from entry_detail',
    'delete from log_head',
    'update claim_dossier set sealed = sealed',
    'delete from claim_dossier',
    'insert into claim_dossier select * from claim_dossier',
    'insert into claim_visit select * from claim_visit',
    'update claim_delivery set facility = facility',
    'update claim_delivery set delivery = delivery',
    "insert into insurer_login values ('38001', '', now())",
    'update insurer_login set sealed = sealed',
    'delete from insurer_login',
    'select from coverage',
    'select from alias',
    'select from client_key',
    'select from idempotency',
    'select from unverified_visit',
    'create table public.mine ()',
    'set role postgres',
    'set role kiemthe_app',
  ])('may not: %s', async (statement) => {
    await expect(connection(world.senderUrl).unsafe(statement)).rejects.toMatchObject({ code: '42501' })
  })

  test('nobody else reads the accounts of facilities', async () => {
    for (const url of [world.appUrl, world.syncUrl, world.sealerUrl]) {
      await expect(connection(url).unsafe('select from insurer_login')).rejects.toMatchObject({ code: '42501' })
    }
  })

  test('send refuses another one at its start, and keys that do not open what it needs', async () => {
    const refused = async (url: string, keys = world.dataKeys) => {
      const sql = connection(url)
      return (await senderUnfitness((run) => run(sql), deriveDataKeys(keys))).join('\n')
    }
    expect(await refused(world.senderUrl)).toBe('')
    expect(await refused(world.ownerUrl)).toContain('could change the log; use kiemthe_sender')
    expect(await refused(world.appUrl)).toContain('cannot send claims; use kiemthe_sender')
    expect(await refused(`${world.senderUrl}?TimeZone=Europe/London`)).toContain('alter role kiemthe_sender')
    const login = sealLogin(deriveDataKeys(world.dataKeys), '38001', insurerLogin('38001_BV', 'secret'))
    await saveLogins(world.owner, [{ facility: '38001', sealed: login }], new Date())
    expect(await refused(world.senderUrl)).toBe('')
    const seal = { current: 1, generations: { '1': randomBytes(32).toString('base64') } }
    expect(await refused(world.senderUrl, { ...world.dataKeys, seal })).toContain('the data keys are not those')
    await world.owner`delete from insurer_login`
  })

  test('send itself asks', async () => {
    const files = await keysFolder(world)
    const env = (DATABASE_URL: string) => ({
      DATABASE_URL,
      DATA_KEYS_FILE: join(files.path, 'data-keys.json'),
      INSURER_GATEWAY_URL: 'http://127.0.0.1:9/',
      LOG_LEVEL: 'warn',
    })
    const [owner, own, none] = await Promise.all([
      kiemthe(['send', '--once'], env(world.ownerUrl)),
      kiemthe(['send', '--once'], env(world.senderUrl)),
      kiemthe(['send'], { ...env(world.senderUrl), INSURER_GATEWAY_URL: 'http://insurer.example/' }),
    ])
    await files.remove()
    expect([owner.code, owner.stderr]).toEqual([1, expect.stringContaining('use kiemthe_sender')])
    expect(own).toMatchObject({ code: 0, stderr: '' })
    // passwords would go there in the clear
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('INSURER_GATEWAY_URL: is not https')])
  })
})

describe('serve refuses to start', () => {
  const ownerOf = (table: string, owner: string) =>
    change(`alter table ${table} owner to ${owner}`, `alter table ${table} owner to postgres`)

  test('as the owner and superuser', async () => {
    const said = await refusal(world.ownerUrl)
    expect(said).toContain('superuser')
    expect(said).toContain('DELETE on log_entry')
    expect(said).toContain('the owner of log_entry')
  })

  test('as an owner who is no superuser', async () => {
    const serving = await makeServingRole()
    await ownerOf('log_entry', serving)
    expect(await refusal(urlOf(serving))).toContain(`may become ${serving}, the owner of log_entry`)
  })

  test.each([
    ['UPDATE', 'log_entry', 'UPDATE on log_entry'],
    ['UPDATE (body)', 'log_entry', 'UPDATE of body of log_entry'],
    ['DELETE', 'log_entry', 'DELETE on log_entry'],
    ['TRUNCATE', 'log_entry', 'TRUNCATE on log_entry'],
    ['TRIGGER', 'log_entry', 'TRIGGER on log_entry'],
    ['UPDATE', 'entry_detail', 'UPDATE on entry_detail'],
    ['UPDATE (sealed)', 'entry_detail', 'UPDATE of sealed of entry_detail'],
    ['DELETE', 'entry_detail', 'DELETE on entry_detail'],
    ['TRUNCATE', 'entry_detail', 'TRUNCATE on entry_detail'],
    // with these the log could be given another past
    ['UPDATE (origin)', 'log_head', 'UPDATE of origin of log_head'],
    ['UPDATE (log_id)', 'log_head', 'UPDATE of log_id of log_head'],
    ['DELETE', 'log_head', 'DELETE on log_head'],
    ['TRUNCATE', 'log_head', 'TRUNCATE on log_head'],
  ])('with %s on %s', async (power, table, named) => {
    await change(`grant ${power} on ${table} to kiemthe_app`, `revoke ${power} on ${table} from kiemthe_app`)
    expect(await refusal()).toContain(named)
  })

  test('with a power that everybody was given', async () => {
    await change('grant delete on log_entry to public', 'revoke delete on log_entry from public')
    expect(await refusal()).toContain('DELETE on log_entry')
  })

  test('as a member of the owner, even one that would have to SET ROLE first', async () => {
    const owner = await makeRole('owner')
    await ownerOf('entry_detail', owner)
    const serving = await makeServingRole()
    await world.owner.unsafe(`grant ${owner} to ${serving} with inherit false, set true`)
    expect(await refusal(urlOf(serving))).toContain(`may become ${owner}, the owner of entry_detail`)
  })

  test('as a member of any role that could change the log', async () => {
    const editor = await makeRole('editor')
    const serving = await makeServingRole()
    await world.owner.unsafe(`
      grant delete on log_entry to ${editor};
      grant ${editor} to ${serving} with inherit false, set true`)
    expect(await refusal(urlOf(serving))).toContain('DELETE on log_entry')
  })

  test('as the owner of the database, who may drop what others own in it', async () => {
    const serving = await makeServingRole()
    const [{ name } = { name: '' }] = await world.owner<{ name: string }[]>`select current_database() as name`
    await change(`alter database ${name} owner to ${serving}`, `alter database ${name} owner to postgres`)
    expect(await refusal(urlOf(serving))).toContain(`may become ${serving}, the owner of the database`)
  })

  test('with keys that cannot open what the database holds', async () => {
    const seal = { current: 1, generations: { '1': randomBytes(32).toString('base64') } }
    expect(await refusal(world.appUrl, { ...world.dataKeys, seal })).toContain('the data keys are not those')
  })

  test('with keys that would find nobody: everyone would be told there is no record', async () => {
    const lookup = randomBytes(32).toString('base64')
    expect(await refusal(world.appUrl, { ...world.dataKeys, lookup })).toContain('the data keys are not those')
  })

  test.each(['TimeZone=Asia/Ho_Chi_Minh', 'TimeZone=Europe/London', 'DateStyle=SQL'])(
    'on a session with %s: every time it reads would be another',
    async (setting) => {
      expect(await refusal(`${world.appUrl}?${setting}`)).toContain(setting.replace('=', ' '))
      expect(await refusal(`${world.appUrl}?TimeZone=Etc/GMT`)).toBe('')
    },
  )

  test('and says nothing of a password', async () => {
    expect(await refusal(world.ownerUrl)).not.toContain(inject('cluster').password)
  })

  test('no more once all that was taken back', async () => {
    expect(await refusal()).toBe('')
  })
})

describe('a database of the user’s own', () => {
  const ascii = `kiemthe_ascii_${suffix}`
  const asciiUrl = (role: string, password: string) => databaseUrl(inject('cluster'), role, password, ascii)

  beforeAll(async () => {
    const superuser = asSuperuser(inject('cluster'))
    await superuser.unsafe(
      `create database ${ascii} encoding 'SQL_ASCII' locale_provider libc locale 'C' template template0`,
    )
    await superuser.end()
  })

  afterAll(async () => {
    const superuser = asSuperuser(inject('cluster'))
    await superuser.unsafe(`drop database ${ascii} with (force)`)
    await superuser.end()
  })

  test('that is ready lacks nothing', async () => {
    expect(await lacking(world.owner)).toEqual([])
  })

  test('in another encoding is named: names would come back broken', async () => {
    const sql = connection(asciiUrl('postgres', inject('cluster').password))
    expect(await lacking(sql)).toEqual(['a database in UTF8 (this one is in SQL_ASCII)'])
  })

  test('without the right CREATE is named', async () => {
    const role = await makeRole('plain')
    expect(await lacking(connection(urlOf(role)))).toEqual([
      'the right CREATE on the database and on its schema public',
    ])
  })

  test('with CREATE on the schema alone is not enough: migrations make a schema', async () => {
    const role = await makeRole('schema')
    await world.owner.unsafe(`grant create on schema public to ${role}`)
    expect(await lacking(connection(urlOf(role)))).toHaveLength(1)
  })

  test('lacks all it lacks at once', async () => {
    const role = await makeRole('plain')
    const sql = connection(asciiUrl(role, 'test'))
    expect(await lacking(sql)).toHaveLength(2)
  })
})
