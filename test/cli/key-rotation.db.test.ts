import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TokenKeysFile, tokenKeysSchema } from '../../src/access/token-keys.ts'
import { noteRenamed } from '../../src/cli/keys/lookup-rotation.ts'
import { renameAll } from '../../src/cli/keys/rename.ts'
import { reseal } from '../../src/cli/keys/reseal.ts'
import { type Place, replaceTokenKeys, rotateLookup, rotateSeal, rotateToken } from '../../src/cli/keys/rotate.ts'
import { loadProvince } from '../../src/cli/load-province.ts'
import { type DataKeysFile, dataKeysSchema, deriveDataKeys, lookupChainOf } from '../../src/data-keys.ts'
import { connect } from '../../src/db/connect.ts'
import { indexAliases } from '../../src/db/rename.ts'
import { beforeAll as firstKey, readSealed, SEALED_TABLES } from '../../src/db/reseal.ts'
import { type NodeServer, startServer } from '../../src/node.ts'
import { open } from '../../src/seal.ts'
import { alsoOf, asking, card, cardScan, record, scan, send, today } from '../http/http-support.ts'
import { assertion, grant } from '../http/oauth-support.ts'
import { stateNow } from '../support/delta.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { kiemthe } from '../support/kiemthe.ts'
import { logState } from '../support/log.ts'
import { createWorld, testConfig, type World } from '../support/service.ts'

/** Three chunks of coverages, one of details, and a row in quarantine. */
const people = Array.from({ length: 2_000 }, () => record())
const seconds = people.slice(0, 300).map((each) => alsoOf(each))
const refused = record({ fullName: '?' })

let world: World
let server: NodeServer
let url: string
let keys: Awaited<ReturnType<typeof keysFolder>>
let nowMs = Date.now()

beforeAll(async () => {
  world = await createWorld([...people, ...seconds, refused])
  keys = await keysFolder(world)
  const files = { data: world.dataKeys, token: world.tokenKeys }
  server = await startServer(testConfig(world.appUrl, {}), files, { write: () => {} })
  url = `http://127.0.0.1:${server.port}`
})

afterAll(async () => {
  await server?.close()
  await world?.close()
  await keys?.remove()
})

const path = (name: 'data' | 'token') => join(keys.path, `${name}-keys.json`)
const dataFile = async (): Promise<DataKeysFile> =>
  dataKeysSchema.parse(JSON.parse(await readFile(path('data'), 'utf8')))
const tokenFile = async (): Promise<TokenKeysFile> =>
  tokenKeysSchema.parse(JSON.parse(await readFile(path('token'), 'utf8')))

/** What `serve` does within 10 s of a change. */
const takeUp = async () => server.useKeys({ data: await dataFile(), token: await tokenFile() })

/** A machine whose time passes when it sleeps; meanwhile the server takes up the files. */
function place(seam: (name: string) => void = () => {}): Place {
  const clock = {
    now: () => new Date(nowMs),
    sleep: async (ms: number) => {
      nowMs += ms
      if (nowMs % 10_000 < ms) await takeUp()
    },
  }
  const files = { dataKeysFile: path('data'), tokenKeysFile: path('token') }
  return { sql: world.owner, ...files, clock, say: () => {}, seam }
}

const isOver = (file: DataKeysFile) => {
  const { current, rotation } = lookupChainOf(file)
  return current > 1 && rotation === undefined
}

class Killed extends Error {}

/** Dies at the n-th place between two deeds. */
function dyingAt(n: number): (name: string) => void {
  let passed = 0
  return () => {
    if (++passed === n) throw new Killed()
  }
}

async function generations(): Promise<Record<string, number>> {
  const rows = await world.owner<{ generation: number; rows: number }[]>`
    select get_byte(sealed, 0) as generation, count(*)::int as rows
      from (select sealed from coverage union all select sealed from entry_detail union all select sealed from quarantine) s
     group by 1`
  return Object.fromEntries(rows.map((row) => [row.generation, row.rows]))
}

/** Throws when a row does not open under the files as they are now. */
async function openAll(): Promise<number> {
  const present = deriveDataKeys(await dataFile())
  let opened = 0
  for (const table of SEALED_TABLES) {
    const rows = await readSealed(world.owner, table, 0, firstKey(table), 100_000)
    for (const { subject, sealed } of rows) {
      if (sealed !== null) open(present, table, subject, sealed)
      opened++
    }
  }
  return opened
}

async function keyChanges(key: string): Promise<string[]> {
  const rows = await world.owner<{ body: string }[]>`select body from log_entry order by leaf_index`
  const outcomes = rows.map(({ body }) => JSON.parse(body)).filter(({ kind }) => kind === 'keyChange')
  return outcomes
    .map(({ outcome }) => outcome)
    .filter((each) => each.key === key)
    .map((each) => each.step)
}

test('every sealed column of the schema would not be sealed anew', async () => {
  const columns = await world.owner<{ name: string }[]>`
    select table_name as name from information_schema.columns
     where table_schema = 'public' and data_type = 'bytea' and column_name like '%sealed%'
       and table_name not like '%\\_stage' order by 1` // a rotation does not begin while something stands in a stage
  expect(columns.map(({ name }) => name)).toEqual([...SEALED_TABLES].sort())
})

describe('the seal key, in turn killed everywhere', () => {
  test('a kill between two steps would leave rows that no key opens, or a rotation that does not end', async () => {
    const token = await world.token('facility:38001')
    const asked = { token, body: JSON.stringify(asking(scan(people[0] ?? record()))) }
    const keyed = { ...asked, headers: { 'idempotency-key': 'before-the-rotation' } }
    const before = await send(url, keyed)
    expect(before.status).toBe(200)

    // desks go on all the time
    let over = false
    const statuses: number[] = []
    const desks = (async () => {
      while (!over) statuses.push((await send(url, { ...asked, token: await world.token('facility:38001') })).status)
    })()
    const killed: string[] = []
    let ended = false
    for (let run = 0; !ended; run++) {
      try {
        // each run goes on from where the one before was killed, at most five deeds on
        await rotateSeal(place(dyingAt(1 + (run % 5))), true)
        ended = true
      } catch (error) {
        if (!(error instanceof Killed)) throw error
        killed.push((await dataFile()).seal.rotation?.step ?? 'none')
      }
      await openAll()
      expect(run).toBeLessThan(100)
    }
    over = true
    await desks
    await takeUp()

    expect(new Set(killed)).toEqual(new Set(['none', 'added', 'seals', 'resealed']))
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(statuses.length).toBeGreaterThan(10)
    const { seal } = await dataFile()
    expect([seal.current, Object.keys(seal.generations), seal.rotation]).toEqual([
      seal.current,
      [String(seal.current)],
      undefined,
    ])
    expect(Object.keys(await generations())).toEqual([String(seal.current)])
    expect(await openAll()).toBeGreaterThan(2_300)
    // what was recorded before is read as it was
    expect((await send(url, keyed)).text).toBe(before.text)
    const steps = await keyChanges('seal')
    expect([...new Set(steps)]).toEqual(['added', 'seals', 'retired'])
    expect(await logState(world.owner)).toMatchObject({ dense: true, wrongLeafHashes: 0, withoutDetails: 0 })
    // backups of before open only with the former keys
    const kept = dataKeysSchema.parse(JSON.parse(await readFile(`${path('data')}.before-${seal.current}`, 'utf8')))
    expect(Object.keys(kept.seal.generations)).toContain('1')
  })

  test('a killed pass would begin again from nothing', async () => {
    const later = { ...(await dataFile()) }
    const next = later.seal.current + 1
    later.seal = {
      current: next,
      generations: { ...later.seal.generations, [next]: Buffer.alloc(32, 7).toString('base64') },
    }
    const both = deriveDataKeys(later)
    const mark = join(keys.path, 'a-mark')
    const written: string[] = []
    const note = (name: string) => written.push(name)
    await expect(
      reseal(world.owner, both, mark, (name) => {
        note(name)
        if (name === 'mark written') throw new Killed()
      }),
    ).rejects.toThrow(Killed)
    expect((await generations())[next]).toBe(1_000)
    written.length = 0
    const done = await reseal(world.owner, both, mark, note)
    // two chunks of coverages are left, and one each of the other tables
    expect(written.slice(0, written.indexOf('pass ended')).filter((name) => name === 'chunk written')).toHaveLength(4)
    expect(done.passes).toBe(2)
    expect(Object.keys(await generations())).toEqual([String(next)])
    await writeFile(path('data'), JSON.stringify(later))
    await takeUp()
  })

  test('a row that somebody holds would be waited for, or forgotten', async () => {
    const holder = connect(world.ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'holder' })
    const file = await dataFile()
    const next = file.seal.current + 1
    file.seal = {
      current: next,
      generations: { ...file.seal.generations, [next]: Buffer.alloc(32, 8).toString('base64') },
    }
    let letGo = () => {}
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    let holding: Promise<unknown> = Promise.resolve()
    await new Promise<void>((resolve) => {
      holding = holder.begin(async (tx) => {
        await tx`select from coverage order by subject limit 1 for update`
        resolve()
        await held
      })
    })
    const passes = reseal(world.owner, deriveDataKeys(file), join(keys.path, 'held'), (name) => {
      if (name === 'pass ended') letGo()
    })
    expect((await passes).passes).toBeGreaterThan(2)
    await holding
    await holder.end()
    expect(Object.keys(await generations())).toEqual([String(next)])
    await writeFile(path('data'), JSON.stringify(file))
    await takeUp()
  })

  test('the key of a row that was changed would be thrown away; a row that was lost before would stop everything', async () => {
    const [row] = await world.owner<{ subject: string; sealed: Buffer }[]>`
      select subject, sealed from coverage
       where subject not in (select subject from coverage where coverage_no = 2) order by subject desc limit 1`
    if (row === undefined) throw new Error('there are rows')
    const put = (sealed: Buffer) => world.owner`update coverage set sealed = ${sealed} where subject = ${row.subject}`
    const changed = Buffer.from(row.sealed)
    changed[20] = (changed[20] ?? 0) ^ 1
    await put(changed)
    const former = (await dataFile()).seal.current
    await expect(rotateSeal(place(), true)).rejects.toThrow(/coverage does not open/)
    expect(Object.keys((await dataFile()).seal.generations)).toContain(String(former))

    // of a generation that no file holds: nothing is made worse
    const lost = Buffer.from(row.sealed)
    lost[0] = 200
    await put(lost)
    await rotateSeal(place(), true)
    await takeUp()
    const { seal } = await dataFile()
    expect(Object.keys(seal.generations)).toEqual([String(former + 1)])
    expect(await generations()).toMatchObject({ 200: 1, [former + 1]: expect.any(Number) })
    await world.owner`delete from coverage where subject = ${row.subject}`
  })
})

describe('the lookup key, in turn killed everywhere', () => {
  /** Asked by the personal number, by the insurance number, and by one that nobody has. */
  const sample = people.filter((_, n) => n % 101 === 0)
  const nobody = record()
  const questions = [...sample.flatMap((each) => [scan(each), cardScan(each), card(each)]), scan(nobody)]

  const codeOf = async (at: string, evidence: unknown) => {
    const { json } = await send(at, {
      token: await world.token('facility:38001'),
      body: JSON.stringify(asking(evidence)),
    })
    return json.code
  }
  const codes = (at = url) => Promise.all(questions.map((evidence) => codeOf(at, evidence)))
  const names = async () => {
    const rows = await world.owner<{ name: string }[]>`
      select subject::text as name from coverage union select alias::text from alias union select subject::text from alias
        union select alias::text from alias_change union select former::text from alias_change where former is not null`
    return new Set(rows.map(({ name }) => name))
  }

  test('a known person would not be found somewhere between two steps, or a former name be left', async () => {
    const token = await world.token('facility:38001')
    const keyed = {
      token,
      body: JSON.stringify(asking(scan(people[0] ?? record()))),
      headers: { 'idempotency-key': 'before-the-renaming' },
    }
    const recorded = await send(url, keyed)
    const knownPath = `/v1/verifications/${recorded.json.id}?knownAt=${await stateNow(world)}`
    const known = () => send(url, { method: 'GET', path: knownPath, token })
    const knownBefore = await known()
    expect(knownBefore.json['atKnown']).toMatchObject({ code: 'valid' })
    const right = await codes()
    expect(new Set(right.slice(0, -1))).toEqual(new Set(['valid']))
    expect(right.at(-1)).toBe('not_found')
    // what numbers led to before, for rollbacks
    await world.owner`
      insert into alias_change (alias, changed_at, former)
      (select alias, now(), subject from alias limit 5) union all
      (select alias, now() - interval '1 day', null from alias limit 1)`
    const formerNames = await names()
    const files = { data: await dataFile(), token: await tokenFile() }
    const unknowing = await startServer(testConfig(world.appUrl, {}), files, { write: () => {} })

    let over = false
    const wrong: unknown[] = []
    let asked = 0
    const desk = async (from: number) => {
      for (let n = from; !over; n++) {
        const code = await codeOf(url, questions[n % questions.length])
        if (code !== right[n % questions.length]) wrong.push(code)
        asked++
      }
    }
    const desks = [desk(0), desk(20), desk(40)]
    const killed: string[] = []
    try {
      for (let run = 0; !isOver(await dataFile()); run++) {
        // twice at each place, so that going on after a kill is killed too
        const seam = (name: string) => {
          if (killed.filter((each) => each === name).length === 2) return
          killed.push(name)
          throw new Killed()
        }
        await rotateLookup(place(seam), true).catch((error: unknown) => {
          if (!(error instanceof Killed)) throw error
        })
        expect(await codes()).toEqual(right)
        await takeUp() // nor would a server start
        for (const [n, code] of (await codes(`http://127.0.0.1:${unknowing.port}`)).entries()) {
          expect([right[n], 'source_failed']).toContain(code)
        }
        expect(run).toBeLessThan(100)
        // the past is told as it was, or not at all
        const past = await known()
        expect([knownBefore.text, 'history_unavailable']).toContain(past.status === 200 ? past.text : past.json.code)
      }
    } finally {
      over = true
    }
    await Promise.all(desks)
    await takeUp()
    expect((await known()).text).toBe(knownBefore.text)

    expect(killed).toEqual(
      expect.arrayContaining([
        'lookup added in the log',
        'generation told',
        'aliases indexed',
        'people renamed',
        'strays renamed',
        'alias changes renamed',
        'lookup renamed in the log',
        'index dropped',
        'lookup retired in the log',
      ]),
    )
    expect(wrong).toEqual([])
    expect(asked).toBeGreaterThan(50)
    // by one name again, and by none of the former ones
    expect(await codes()).toEqual(right)
    expect([...(await names())].filter((name) => formerNames.has(name))).toEqual([])
    const changes = await world.owner<{ led: boolean | null }[]>`
      select c.former = a.subject as led from alias_change c join alias a using (alias)`
    expect(changes.map(({ led }) => led).sort()).toEqual([null, true, true, true, true, true].sort())
    // who was forgotten when the file was copied says that it cannot tell, and does not start again
    expect(new Set(await codes(`http://127.0.0.1:${unknowing.port}`))).toEqual(new Set(['source_failed']))
    await expect(unknowing.useKeys(files)).rejects.toThrow('not those')
    await unknowing.close()
    expect(lookupChainOf(await dataFile())).toEqual({
      current: 2,
      generations: { '1': world.dataKeys.lookup, '2': expect.any(String) },
    })
    expect((await send(url, keyed)).text).toBe(recorded.text)
    expect([...new Set(await keyChanges('lookup'))]).toEqual(['added', 'renamed', 'retired'])
    const indexes = await world.owner`select from pg_indexes where tablename = 'alias'`
    expect(indexes.count).toBe(1)
    // the former file serves backups of before, and of the midst
    const kept = dataKeysSchema.parse(JSON.parse(await readFile(`${path('data')}.before-lookup-2`, 'utf8')))
    expect(deriveDataKeys(kept).lookupGenerations).toEqual([2, 1])
  })

  test('a person of whom somebody holds a row would be renamed in part, or be forgotten', async () => {
    const right = await codes()
    const chain = lookupChainOf(await dataFile())
    const added: DataKeysFile = {
      ...(await dataFile()),
      lookup: {
        current: 2,
        generations: { ...chain.generations, '3': Buffer.alloc(32, 11).toString('base64') },
        rotation: { step: 'added', at: new Date(nowMs).toISOString() },
      },
    }
    await writeFile(path('data'), JSON.stringify(added))
    await takeUp()
    await indexAliases(world.owner) // it would wait for whoever holds a snapshot
    const holder = connect(world.ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'holder' })
    const held = Promise.withResolvers<void>()
    const holds = Promise.withResolvers<string>()
    const holding = holder.begin(async (tx) => {
      const rows = await tx<{ subject: string }[]>`
        select subject::text from coverage where coverage_no = 2 order by subject desc limit 1 for update`
      holds.resolve(rows[0]?.subject ?? '')
      await held.promise
    })
    const subject = await holds.promise
    expect(subject).not.toBe('')
    let passed = 0
    let seen: Promise<unknown> = Promise.resolve()
    const seenOf = async (name: string) => [
      (await world.owner`select from coverage where subject = ${name}`).count,
      (await world.owner`select from alias where subject = ${name}`).count,
    ]
    // small chunks: people with two coverages stand across their ends
    await renameAll(
      world.owner,
      deriveDataKeys(added),
      (name) => {
        // 2,300 rows, each seen twice at the most, are 76 chunks: the passes after the first find the held one alone
        if (name === 'people renamed' && ++passed === 80) {
          seen = seenOf(subject)
          void seen.finally(held.resolve)
        }
      },
      61,
    )
    await holding
    await holder.end()
    expect(await seen).toEqual([2, 1])
    expect(await seenOf(subject)).toEqual([0, 0])
    expect(await codes()).toEqual(right)
    await writeFile(path('data'), JSON.stringify(noteRenamed(added, new Date(nowMs))))
    await takeUp()
    expect(await codes()).toEqual(right)
    // somebody went on with a former file: nothing is retired on the strength of that pass
    await world.owner`insert into alias (alias, subject) values (gen_random_uuid(), gen_random_uuid())`
    const told: string[] = []
    await rotateLookup({ ...place(), say: (line) => told.push(line) }, true)
    expect(told.map((line) => line.split(':')[0])).toEqual([
      '1 rows were renamed',
      'some process writes rows under a former name',
      '0 rows were renamed',
      expect.stringContaining('generation 2 is not asked for any more'),
    ])
    await takeUp()
    expect(lookupChainOf(await dataFile()).current).toBe(3)
    expect(await codes()).toEqual(right)
  })

  test('a load beside it would bring rows under a former name', async () => {
    await world.owner`
      insert into feed_load (feed, sequence, source, rows, chunk_rows, key_check, as_of, started_at)
      values ('vss', 2, 'test', 1, 1, '00000000-0000-0000-0000-000000000000', now(), now())`
    await expect(rotateLookup(place(), false)).rejects.toThrow('a load is under way')
    await world.owner`delete from feed_load where sequence = 2`
    const before = await dataFile()
    await rotateLookup(place(), false)
    const empty = await createWorld([])
    const load = loadProvince({
      ownerUrl: empty.ownerUrl,
      dataKeys: await dataFile(),
      province: { seed: 1, baseDate: today },
      records: 10,
      say: () => {},
      signal: new AbortController().signal,
    })
    await expect(load).rejects.toThrow('a rotation of the lookup key is under way')
    // and nothing of it stands in the way of the rotation
    expect((await empty.owner`select from feed_load`).count).toBe(0)
    await empty.close()
    await writeFile(path('data'), JSON.stringify(before))
  })
})

describe('the key of tokens', () => {
  const asked = (token: string) => send(url, { token, body: JSON.stringify(asking(scan(people[1] ?? record()))) })
  const obtained = async () => {
    const { json } = await send(url, grant(await assertion(world, 'facility:38001')))
    const token = String(json['access_token'])
    return { token, kid: decodeProtectedHeader(token).kid }
  }
  const published = async () => {
    const { text } = await send(url, { method: 'GET', path: '/.well-known/jwks.json' })
    return JSON.parse(text).keys.map(({ kid }: { kid: string }) => kid)
  }
  const pass = async (seconds: number) => {
    nowMs += seconds * 1000
    await takeUp()
  }

  test('a token would be refused in the middle of a rotation, or a former key accepted after it', async () => {
    const former = await obtained()
    expect(former.kid).toBe('token-1')
    await rotateToken(place(), false) // adds, and is not due to promote
    await takeUp()
    const [, added] = await published()
    expect(await published()).toEqual(['token-1', added])
    expect((await obtained()).kid).toBe('token-1')

    await pass(329)
    await rotateToken(place(), false)
    expect((await tokenFile()).keys[0]?.kid).toBe('token-1')
    await pass(1)
    // killed between the entry and the file: taken again
    await expect(rotateToken(place(dyingAt(1)), false)).rejects.toThrow(Killed)
    expect((await tokenFile()).keys[0]?.kid).toBe('token-1')
    await rotateToken(place(), false)
    await takeUp()
    const later = await obtained()
    expect(later.kid).toBe(added)
    expect((await asked(former.token)).status).toBe(200)

    await pass(630)
    await rotateToken(place(), false)
    expect(await tokenFile()).toEqual({ keys: [expect.objectContaining({ kid: added })] })
    expect((await asked(former.token)).status).toBe(200) // the server has not looked yet
    await takeUp()
    // remembered decisions go with their key
    expect((await asked(former.token)).json).toMatchObject({ status: 401, code: 'token_unknown_key' })
    expect((await asked(later.token)).status).toBe(200)
    expect(await keyChanges('token')).toEqual(['added', 'signs', 'signs', 'retired'])
  })

  test('after a theft, a stolen key would go on for a while', async () => {
    const stolen = await obtained()
    expect((await asked(stolen.token)).status).toBe(200)
    await rotateToken(place(), false) // one was under way
    await replaceTokenKeys(place())
    await takeUp()
    expect((await asked(stolen.token)).json).toMatchObject({ status: 401, code: 'token_unknown_key' })
    expect((await asked((await obtained()).token)).status).toBe(200)
    expect(await published()).toHaveLength(1)
  })
})

test('files of another service would be taken up, and everybody told that there is no record', async () => {
  const wrong = { ...(await dataFile()), lookup: Buffer.alloc(32, 9).toString('base64') }
  await expect(server.useKeys({ data: wrong, token: await tokenFile() })).rejects.toThrow('not those')
  const reply = await send(url, { token: null, method: 'GET', path: '/health/ready' })
  // nobody seals here: a run of more than 15 s is told so too
  const reasons = (reply.json['reasons'] as string[]).filter((reason) => reason !== 'checkpointLate')
  expect(reasons).toEqual(['rowsInQuarantine'])
  const { status, json } = await send(url, {
    token: await tokenOf(),
    body: JSON.stringify(asking(scan(people[2] ?? record()))),
  })
  expect([status, json.code]).toEqual([200, 'valid'])
})

async function tokenOf(): Promise<string> {
  const { json } = await send(url, grant(await assertion(world, 'facility:38001')))
  return String(json['access_token'])
}

test('the command: takes what is due, says what is next, shows no secret', async () => {
  const env = {
    DATABASE_URL: world.ownerUrl,
    DATA_KEYS_FILE: path('data'),
    TOKEN_KEYS_FILE: path('token'),
  }
  const rotated = await kiemthe(['keys', 'rotate', 'token'], env)
  expect(rotated).toMatchObject({ code: 0, stdout: '' })
  expect(rotated.stderr).toMatch(/^token-[0-9a-f]{8} is accepted and published\nnext: promote, at .+Z or later/)
  const listed = await kiemthe(['keys', 'list'], env)
  expect(listed.stdout).toMatch(/^token .+ signs\ntoken .+ accepted\ntoken .+ next: promote/)
  for (const { d } of (await tokenFile()).keys) expect(listed.stdout + rotated.stderr).not.toContain(d)
  expect((await kiemthe(['keys', 'rotate', 'log'], env)).code).toBe(2)
})
