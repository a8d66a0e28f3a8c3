import { afterAll, beforeAll, expect, test } from 'vitest'
import { appendBatch, prepare } from '../../src/audit/log.ts'
import { projectPass, rebuild } from '../../src/audit/project/project.ts'
import { auditVisitDigest, deriveDataKeys } from '../../src/data-keys.ts'
import { readState } from '../../src/db/readiness.ts'
import { asking, record, scan } from '../http/http-support.ts'
import { openDesk, running, token, world } from '../support/desk.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { kiemthe, kiemtheReading } from '../support/kiemthe.ts'
import { deed } from '../support/log.ts'
import { type Projector, projectorOn } from '../support/projecting.ts'
import { post } from '../support/service.ts'

/** The auditors' tables are made of the log: nothing twice, nothing passed over, from wherever a projector was killed. */

const people = Array.from({ length: 12 }, () => record())
openDesk(people)

let projector: Projector
let other: string
let next = 0

beforeAll(async () => {
  projector = projectorOn(world)
  other = await world.token('facility:38002')
})
afterAll(() => projector?.close())

function somebody() {
  const row = people[next++]
  if (row === undefined) throw new Error('more people are needed')
  return row
}

async function check(row: ReturnType<typeof record>, members: Record<string, unknown> = {}, as = token) {
  const { status, body } = await post(running.url, as, asking(scan(row), members))
  expect(status).toBe(200)
  return body.receipt?.index ?? -1
}

interface Row {
  generation: number
  leaf_index: number
  [column: string]: unknown
}

const rowsOf = (generation: number) =>
  world.owner<Row[]>`select * from audit_check where generation = ${generation}::smallint order by leaf_index`
const flagsOf = (generation: number) =>
  world.owner<Row[]>`select * from audit_flag where generation = ${generation}::smallint order by leaf_index, rule`
const withoutGeneration = (rows: readonly Row[]) => rows.map(({ generation: _, ...row }) => row)

async function serving() {
  const [row] = await world.owner<{ generation: number; next_index: number; through: string | null }[]>`
    select generation, next_index, through from audit_projection where state = 'serving'`
  return row ?? { generation: -1, next_index: -1, through: null }
}

async function headSize(): Promise<number> {
  const [row] = await world.owner<{ size: number }[]>`select size from log_head`
  return row?.size ?? -1
}

test('a check would be projected otherwise than it was, or with what names somebody', async () => {
  const someone = somebody()
  const visit = { visitId: '38001-2411-Nguyen', route: '1.10', inpatient: true }
  const index = await check(someone, { visit, purpose: 'during' })
  const { unprojectedSince } = await readState(world.owner)
  expect(Date.now() - Date.parse(unprojectedSince ?? '')).toBeLessThan(60_000)
  await projector.all()
  expect((await readState(world.owner)).unprojectedSince).toBeNull()
  const rows = await rowsOf(1)
  const row = rows.find((each) => each.leaf_index === index)
  const [detail] = await world.owner<
    { subject: string }[]
  >`select subject from entry_detail where leaf_index = ${index}`
  expect(row).toMatchObject({
    ...{ facility: '38001', kind: 'verification', decision: 'entitled', code: 'valid', cause: null, erased: false },
    ...{ assurance: 'unsigned', method: 'chipIdQr', purpose: 'during', route: '1.10', inpatient: true },
    person: detail?.subject,
  })
  const digest = auditVisitDigest(deriveDataKeys(world.dataKeys), visit.visitId)
  expect(String(row?.['visit']).replaceAll('-', '')).toBe(digest)
  expect(JSON.stringify(rows)).not.toMatch(new RegExp(`${someone.citizenId}|${someone.cardNumber}|Nguyen`))
  const { next_index: nextIndex, through } = await serving()
  expect(nextIndex).toBe(await headSize())
  expect(through).not.toBeNull()
})

test('a kill, or a second projector, would leave a stretch out or keep it twice', async () => {
  await check(somebody())
  const before = await rowsOf(1)
  // the statement that keeps the stretch does not come through
  let statements = 0
  const killed = projectorOn(world)
  const dying = {
    ...killed.job,
    query: async <T>(work: (sql: typeof killed.sql) => Promise<T>) => {
      if (++statements === 4) throw new Error('killed')
      return work(killed.sql)
    },
  }
  await expect(projectPass(dying)).rejects.toThrow('killed')
  expect(await rowsOf(1)).toEqual(before)
  // both read the same stretch
  await Promise.all([projectPass(killed.job), projectPass(projector.job)])
  await killed.close()
  await projector.all()
  const indexes = (await rowsOf(1)).map((row) => row.leaf_index)
  const [log] = await world.owner<{ indexes: number[] }[]>`
    select json_agg(leaf_index order by leaf_index) as indexes from log_entry where body like '%"kind":"verification"%'`
  expect(indexes).toEqual(log?.indexes)
})

test('while a generation is made anew the former one would not serve, or the new one be another', async () => {
  const [someone, ...others] = [somebody(), somebody(), somebody()]
  if (someone === undefined) throw new Error('somebody')
  await check(someone, { visit: { visitId: 'A' } })
  await check(someone, { visit: { visitId: 'B' } }, other)
  for (const each of others) await check(each)
  await projector.all()
  const [rows, flags] = [await rowsOf(1), await flagsOf(1)]
  expect(flags.map((flag) => flag['rule'])).toEqual(['twoFacilities'])

  await rebuild(projector.job)
  await rebuild(projector.job) // twice is once
  expect(await serving()).toMatchObject({ generation: 1 })
  expect(await rowsOf(1)).toEqual(rows)
  await projectPass(projector.job)
  expect(await serving()).toMatchObject({ generation: 2, next_index: await headSize() })
  expect(withoutGeneration(await rowsOf(2))).toEqual(withoutGeneration(rows))
  expect(withoutGeneration(await flagsOf(2))).toEqual(withoutGeneration(flags))
  await projectPass(projector.job)
  expect(await rowsOf(1)).toEqual([])
  const left = await world.owner`
    select from audit_projection where generation = 1 union all select from audit_facility_day where generation = 1`
  expect(left.count).toBe(0)
})

test('what was erased would stay in the tables, or come back with the next generation', async () => {
  const someone = somebody()
  const kept = await check(somebody(), { visit: { visitId: 'K' } })
  const indexes = [await check(someone, { visit: { visitId: 'C', inpatient: true } }), await check(someone, {}, other)]
  await projector.all()
  expect((await flagsOf(2)).some((flag) => indexes.includes(flag.leaf_index))).toBe(true)
  // read before the erasure, kept after it: the entry that says so comes later in the log
  const late = await check(someone)
  const held = projectorOn(world)
  let statements = 0
  const slow = {
    ...held.job,
    query: async <T>(work: (sql: typeof held.sql) => Promise<T>) => {
      if (++statements === 4) {
        const folder = await keysFolder(world)
        const env = { DATABASE_URL: world.ownerUrl, DATA_KEYS_FILE: `${folder.path}/data-keys.json` }
        const erased = await kiemtheReading(`${someone.citizenId}\n`, ['erase', 'YC-1', '--reason', 'withdrew'], env)
        await folder.remove()
        expect(erased.code).toBe(0)
        const gone = (await rowsOf(2)).filter((row) => indexes.includes(row.leaf_index))
        expect(gone.map((row) => [row['person'], row['visit'], row['erased']])).toEqual(
          indexes.map(() => [null, null, true]),
        )
        expect((await flagsOf(2)).some((flag) => indexes.includes(flag.leaf_index))).toBe(false)
        expect((await world.owner`select from audit_stay where leaf_index = ${indexes[0] ?? 0}`).count).toBe(0)
      }
      return work(held.sql)
    },
  }
  await projectPass(slow)
  await held.close()
  await projector.all()
  const nobody = async (generation: number) => {
    const rows = (await rowsOf(generation)).filter((row) => [...indexes, late].includes(row.leaf_index))
    expect(rows.map((row) => [row['person'], row['visit'], row['purpose'], row['erased'], row['code']])).toEqual(
      [...indexes, late].map(() => [null, null, null, true, 'valid']),
    )
    const others = (await rowsOf(generation)).find((row) => row.leaf_index === kept)
    expect(others).toMatchObject({ erased: false, purpose: 'arrival' })
  }
  await nobody(2)
  await rebuild(projector.job)
  await projector.all()
  await nobody((await serving()).generation)
})

test('damaged details would stop all that comes after, or a key that is not known yet be passed over', async () => {
  const damaged = await check(somebody())
  const after = await check(somebody())
  await world.owner`update entry_detail set sealed = set_byte(sealed, 20, 255 - get_byte(sealed, 20)) where leaf_index = ${damaged}`
  const told: number[] = []
  const careful = projectorOn(world, { notOpened: (index) => told.push(index) })
  await careful.all()
  await careful.close()
  expect(told).toEqual([damaged])
  const rows = (await rowsOf((await serving()).generation)).slice(-2)
  expect(rows.map((row) => [row.leaf_index, row['code'], row['person'] === null])).toEqual([
    [damaged, 'valid', true],
    [after, 'valid', false],
  ])

  const rotated = {
    ...world.dataKeys,
    seal: { current: 2, generations: { ...world.dataKeys.seal.generations, '2': world.dataKeys.log } },
  }
  const keys = deriveDataKeys(rotated)
  const { details } = deed({ details: JSON.stringify({ person: '0'.repeat(32), answer: {}, purpose: 'arrival' }) })
  await appendBatch(world.owner, keys, [prepare(keys, deed({ details }))])
  await expect(projectPass(projector.job)).rejects.toThrow('unknown key')
  const { next_index: nextIndex } = await serving()
  expect(nextIndex).toBe((await headSize()) - 1)
  const renewed = projectorOn(world, { keys: { current: keys } })
  await renewed.all()
  await renewed.close()
  expect((await serving()).next_index).toBe(await headSize())
  await world.owner`delete from entry_detail where leaf_index = ${nextIndex}`
})

test('the command would run as a role that can change the log, with keys of another log, or not at all', async () => {
  const folder = await keysFolder(world)
  const env = (DATABASE_URL: string, file = 'data-keys.json') => ({
    DATABASE_URL,
    DATA_KEYS_FILE: `${folder.path}/${file}`,
  })
  await check(somebody())
  const [own, owner, app, foreign, none] = await Promise.all([
    kiemthe(['project', '--once', '--rebuild'], env(world.projectorUrl)),
    kiemthe(['project', '--once'], env(world.ownerUrl)),
    kiemthe(['project', '--once'], env(world.appUrl)),
    kiemthe(['project', '--once'], env(world.projectorUrl, 'token-keys.json')),
    kiemthe(['project', '--once'], {}),
  ])
  await folder.remove()
  expect(own).toMatchObject({ code: 0, stderr: '' })
  expect((await serving()).next_index).toBe(await headSize())
  expect([owner.code, owner.stderr]).toEqual([1, expect.stringContaining('use kiemthe_projector')])
  expect([app.code, app.stderr]).toEqual([1, expect.stringContaining('cannot keep what it reads')])
  expect(foreign.code).not.toBe(0)
  expect(none.stderr).toContain('DATABASE_URL: is not set')
})

test.each([
  'update log_entry set body = body',
  'delete from entry_detail',
  'insert into log_entry select * from log_entry',
  'update log_head set size = size',
  'select from coverage',
  'select from alias',
  'select from legal_hold',
  'select from log_checkpoint',
  'set role kiemthe_app',
])('the role of the projector may not: %s', async (statement) => {
  await expect(projector.sql.unsafe(statement)).rejects.toMatchObject({ code: '42501' })
})

test('who answers requests could change what auditors see', async () => {
  const tables = ['audit_projection', 'audit_check', 'audit_flag']
  for (const table of tables) {
    const rights = await world.owner`
      select from information_schema.role_table_grants
       where grantee = 'kiemthe_app' and table_name = ${table} and privilege_type <> 'SELECT'`
    expect(rights.count).toBe(0)
  }
})
