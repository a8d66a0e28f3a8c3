import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { seeded } from '../../loadtest/seeded.ts'
import { appendBatch, prepare } from '../../src/audit/log.ts'
import { BATCH_ENTRIES, type SealJob, sealPass } from '../../src/audit/seal/seal.ts'
import { ed25519Signer, openNote, readNote, signatureLine, signNote } from '../../src/audit/signed-note.ts'
import { cosignBy } from '../../src/audit/witness/client.ts'
import { readPolicy } from '../../src/audit/witness/policy.ts'
import { dataFolder, makeDataFolder, sealKeyOf } from '../../src/cli/data-folder.ts'
import { sealMark } from '../../src/cli/seal-config.ts'
import { type DataKeys, deriveDataKeys } from '../../src/data-keys.ts'
import { connect, type Sql } from '../../src/db/connect.ts'
import type { Query } from '../../src/db/pool.ts'
import { readState } from '../../src/db/readiness.ts'
import { behindWitnesses } from '../../src/host/witness-policy.ts'
import { kiemthe, newDataFolder, removeDataFolder, startKiemthe } from '../support/kiemthe.ts'
import { deeds } from '../support/log.ts'
import { checkpointOf, rootOfLeaves } from '../support/outsider.ts'
import { LOG_ORIGIN, sealAll, sealerOn } from '../support/sealing.ts'
import { createWorld, type World } from '../support/service.ts'
import { witnessKey } from '../support/signed-log.ts'

let world: World
let app: Sql
let sealer: Sql
let keys: DataKeys

beforeAll(async () => {
  world = await createWorld([])
  const options = { connectionsMax: 2, statementTimeoutMs: 10_000, applicationName: 'seal' }
  app = connect(world.appUrl, options)
  sealer = connect(world.sealerUrl, options)
  keys = deriveDataKeys(world.dataKeys)
})

afterAll(async () => {
  await Promise.all([app?.end(), sealer?.end()])
  await world?.close()
})

/** Each test has a log from its first entry on. */
beforeEach(() =>
  world.owner.unsafe(`
    truncate log_entry, entry_detail, log_tile, log_checkpoint, log_key;
    update log_head set size = 0; update log_tree set size = 0`),
)

async function append(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 500) {
    const rows = deeds(Math.min(left, 500)).map((deed) => prepare(keys, deed))
    await appendBatch(app, keys, rows)
  }
}

async function leafHashes(): Promise<Buffer[]> {
  const rows = await world.owner<{ hash: Buffer }[]>`
    select sha256('\\x00'::bytea || convert_to(body, 'UTF8')) as hash from log_entry order by leaf_index`
  return rows.map((row) => row.hash)
}

async function publishedNote(): Promise<string | null> {
  const [row] = await world.owner<{ note: string }[]>`select note from log_checkpoint`
  return row?.note ?? null
}

async function verifierKeys(): Promise<string[]> {
  const rows = await world.owner<{ verifier: string }[]>`select verifier from log_key order by used_since`
  return rows.map((row) => row.verifier)
}

/** Of everything that was ever signed: its root is that of the log's first entries. No two trees, whatever happened. */
async function expectNoFork(notes: readonly string[]): Promise<void> {
  const leaves = await leafHashes()
  const [key = ''] = await verifierKeys()
  for (const note of notes) {
    const { size, root } = checkpointOf(note, key)
    expect(root).toEqual(rootOfLeaves(leaves.slice(0, size)))
  }
}

/** All that is recorded is published. */
async function expectPublished(size: number): Promise<void> {
  const note = (await publishedNote()) ?? ''
  expect(note.split('\n')[1]).toBe(String(size))
  await expectNoFork([note])
}

test('what is recorded is published, as the role of the sealer; nothing new is no new checkpoint', async () => {
  const job = await sealerOn(sealer)
  expect(await sealPass(job)).toEqual({ integrated: 0, published: 0, more: false })
  await append(3)
  expect(await sealPass(job)).toEqual({ integrated: 3, published: 3, more: false })
  await expectPublished(3)
  expect(await sealPass(job)).toEqual({ integrated: 0, published: null, more: false })
  await append(600)
  expect(await sealAll(job)).toBe(603)
  await expectPublished(603)
})

test('a backlog is integrated in batches of bounded size', async () => {
  await world.owner`
    insert into log_entry select 1, i, i::text, sha256('\\x00'::bytea || convert_to(i::text, 'UTF8'))
      from generate_series(0, ${2 * BATCH_ENTRIES + 7}) i`
  await world.owner`update log_head set size = ${2 * BATCH_ENTRIES + 8}`
  const asked: number[] = []
  const job = await sealerOn(sealer)
  const query: Query = (work) =>
    work(sealer).then((answer) => {
      if (typeof answer === 'object' && answer !== null && 'bodies' in answer && Array.isArray(answer.bodies))
        asked.push(answer.bodies.length)
      return answer
    })
  expect(await sealPass({ ...job, query })).toMatchObject({ integrated: 2 * BATCH_ENTRIES + 8 })
  expect(asked).toEqual([BATCH_ENTRIES, BATCH_ENTRIES, 8])
  await expectPublished(2 * BATCH_ENTRIES + 8)
})

class Killed extends Error {}

/** A sealer that dies at its n-th step, before the database has heard of it or after it has done it. */
function dyingAt(job: SealJob, step: number, when: 'before' | 'after', signed: string[]): SealJob {
  let steps = 0
  const dies = async <T>(work: () => Promise<T>): Promise<T> => {
    const mine = ++steps === step
    if (mine && when === 'before') throw new Killed()
    const answer = await work()
    if (mine) throw new Killed()
    return answer
  }
  let mark: string | null = null
  return {
    ...job,
    query: (work) => dies(() => job.query(work)),
    mark: {
      read: () => dies(async () => mark),
      write: (note) =>
        dies(async () => {
          signed.push(note)
          mark = note
        }),
    },
    cosign: ({ note }) => dies(async () => note),
  }
}

test('killed before or after each of its steps it loses nothing and forks nothing, and the next one goes on', async () => {
  const job = await sealerOn(sealer)
  const signed: string[] = []
  let size = 0
  let died = 0
  for (let step = 1; ; step++) {
    const deaths = died
    for (const when of ['before', 'after'] as const) {
      await append(step % 4 === 0 ? 300 : 2)
      size += step % 4 === 0 ? 300 : 2
      const ended = await sealPass(dyingAt(job, step, when, signed)).catch((error: unknown) => error)
      if (ended instanceof Killed) died++
      else expect(ended).toMatchObject({ published: size })
      const between = await publishedNote()
      if (between !== null) await expectNoFork([between])
      if (step % 2 === 0) expect(await sealAll(job)).toBe(size) // else the next one dies on what this one left
    }
    if (died === deaths) break
  }
  expect(died).toBeGreaterThanOrEqual(2 * 10)
  await expectPublished(size)
  await expectNoFork(signed)
})

test('fewer cosignatures than wanted are published all the same, told, and asked for again', async () => {
  const key = witnessKey('w.example')
  let up = false
  const isCosigned = (note: string) => openNote(note, [key.verifier]) !== null
  const cosignature = (note: string) => {
    const { name, keyId, sign } = key.signer
    return signatureLine({ name, keyId, signature: sign(readNote(note)?.text ?? '') })
  }
  const job = await sealerOn(sealer, { isCosigned, cosign: async ({ note }) => (up ? note + cosignature(note) : note) })
  const late = async () => (await readState(app)).uncosignedSince
  expect(await late()).toBeNull()
  await append(3)
  expect(await sealPass(job)).toMatchObject({ published: 3, more: false })
  await expectPublished(3)
  expect(await late()).toMatch(/^20/)
  expect(await sealPass(job)).toMatchObject({ published: null, more: false })
  up = true
  expect(await sealPass(job)).toMatchObject({ published: 3, more: false })
  const note = await publishedNote()
  expect(isCosigned(note ?? '')).toBe(true)
  expect(await late()).toBeNull()
  expect(await sealPass(job)).toMatchObject({ published: null, more: false })
  expect(await publishedNote()).toBe(note)
  up = false
  await append(2)
  expect(await sealPass(job)).toMatchObject({ published: 5 })
  expect(await late()).toMatch(/^20/) // entry 3 has none
  // a sealer that wants none says nothing of them
  expect(await sealPass({ ...job, isCosigned: null })).toMatchObject({ published: null })
  await append(1)
  await sealPass({ ...job, isCosigned: null })
  expect(await late()).toBeNull()
})

test('a database put back behind what a witness cosigned is noticed: by the sealer, and at the start of a host', async () => {
  const folder = await newDataFolder()
  const job = await sealerOn(sealer)
  const [text = ''] = await verifierKeys()
  const env = { WITNESS_NAME: 'w.example', WITNESS_FOLDER: join(folder, 'w'), WITNESS_LOGS: text, PORT: '0' }
  const witness = startKiemthe(['witness'], env)
  try {
    await witness.until(/^ready http/m)
    const [, key = ''] = /^witness (.+)$/m.exec(witness.stdout()) ?? []
    const [, url = ''] = /^ready (.+)$/m.exec(witness.stdout()) ?? []
    const policyFile = join(folder, 'policy')
    await writeFile(policyFile, `log ${text}\nwitness w ${key} ${url}\nquorum w\n`)
    const [{ verifier } = { verifier: job.verifier }] = readPolicy(await readFile(policyFile, 'utf8')).witnesses
    const asking = { deadlineMs: 10_000, logKeys: [job.verifier], told: () => {} }
    const sealing = () => ({ ...job, cosign: cosignBy([{ verifier, url }], asking) })
    const query: Query = (work) => work(app)
    await append(4)
    await sealPass(sealing())
    expect(openNote((await publishedNote()) ?? '', [verifier])?.by).toHaveLength(1)
    expect(await behindWitnesses(query, policyFile)).toEqual([])
    await world.owner.unsafe(`
      delete from log_entry where leaf_index = 3; delete from entry_detail where leaf_index = 3; update log_head set size = 3; update log_tree set size = 0;
      delete from log_checkpoint; delete from log_tile`)
    const [line] = await behindWitnesses(query, policyFile)
    expect(line).toContain('logBehindWitness: the log has 3 entries, witness w cosigned 4')
    await expect(world.start({ WITNESS_POLICY_FILE: policyFile })).rejects.toThrow('logBehindWitness')
    await expect(sealPass(sealing())).rejects.toMatchObject({ fault: 'logBehindWitness', at: 4 })
    await append(3) // it grew past it: another log by now
    await expect(sealPass(sealing())).rejects.toMatchObject({ fault: 'witnessNotPrefix', at: 4 })
    expect(await publishedNote()).toBeNull()
    await witness.end('SIGKILL')
    expect(await behindWitnesses(query, policyFile)).toEqual([])
  } finally {
    await witness.end('SIGKILL')
    await removeDataFolder(folder)
  }
})

test('two sealers at once take turns: no fork, no checkpoint that shrinks, and all is published', async () => {
  const random = seeded(11)
  const signed: string[] = []
  const first = await sealerOn(sealer)
  const slow =
    (sql: Sql): Query =>
    async (work) => {
      if (random() < 0.5) await new Promise((resolve) => setTimeout(resolve, random() * 4))
      return work(sql)
    }
  const sealers = Array.from(
    { length: 3 },
    (_, n): SealJob => ({
      ...first,
      query: slow(sealer),
      cosign: async ({ note }) => {
        signed.push(note)
        if (n === 0) await new Promise((resolve) => setTimeout(resolve, 5))
        return note
      },
    }),
  )
  let appending = true
  let shrunk = 0
  const watch = async () => {
    for (let last = 0; appending; ) {
      const size = Number((await publishedNote())?.split('\n')[1] ?? 0)
      if (size < last) shrunk++
      last = size
    }
  }
  const loop = async (job: SealJob) => {
    while (appending) await sealPass(job)
  }
  await Promise.all([
    watch(),
    ...sealers.map(loop),
    (async () => {
      for (let i = 0; i < 60; i++) await append(1 + Math.floor(random() * 40))
      appending = false
    })(),
  ])
  const size = await sealAll(first)
  expect(shrunk).toBe(0)
  expect(size).toBe((await leafHashes()).length)
  await expectPublished(size)
  await expectNoFork(signed)
  expect(signed.length).toBeGreaterThan(3) // they met often enough: a busy machine makes fewer
})

describe('a sealer that another one overtakes gives way', () => {
  const first = { integrated: 0, published: null, more: true }

  test('before it integrated what it read', async () => {
    const job = await sealerOn(sealer)
    await append(300)
    let overtaken = false
    const query: Query = async (work) => {
      const answer = await job.query(work)
      if (!overtaken && typeof answer === 'object' && answer !== null && 'bodies' in answer) {
        overtaken = true
        await append(300)
        await sealAll(job)
      }
      return answer
    }
    expect(await sealPass({ ...job, query })).toEqual(first)
    await expectPublished(600)
  })

  test('before it published what it signed', async () => {
    const job = await sealerOn(sealer)
    for (const published of [false, true]) {
      if (published) await sealAll(job)
      await append(300)
      let later = 0
      const cosign: SealJob['cosign'] = async ({ note }) => {
        await append(5)
        later = await sealAll(job)
        return note
      }
      expect(await sealPass({ ...job, cosign })).toEqual({ ...first, integrated: 300 })
      await expectPublished(later)
    }
  })
})

describe('it signs nothing', () => {
  const refused = async (job: SealJob, fault: string, at: number) => {
    const before = await publishedNote()
    await expect(sealPass(job)).rejects.toMatchObject({ name: 'SealRefused', fault, at })
    expect(await publishedNote()).toBe(before)
  }
  let job: SealJob
  let marked: string | null

  beforeEach(async () => {
    marked = null
    const mark = {
      read: async () => marked,
      write: async (note: string) => {
        marked = note
      },
    }
    job = await sealerOn(sealer, { mark })
    await append(300)
    await sealAll(job)
    await append(5)
  })

  test('where an entry is missing', async () => {
    await world.owner`delete from log_entry where leaf_index = 302`
    await refused(job, 'entryMissing', 302)
    await world.owner`delete from log_entry where leaf_index > 300`
    await refused(job, 'entryMissing', 301)
  })
  test('where a body was changed, or its hash', async () => {
    await world.owner`update log_entry set body = replace(body, 'entitled', 'notEntitled') where leaf_index = 303`
    await refused(job, 'leafHashDiffers', 303)
    // one that reads as two
    await world.owner`update log_entry set body = 'a' || chr(31) || 'b' where leaf_index = 304`
    await world.owner`
      update log_entry set body = '{}', leaf_hash = sha256('\\x00'::bytea || '{}'::bytea) where leaf_index = 303`
    await refused(job, 'leafHashDiffers', 304)
    await world.owner`update log_entry set leaf_hash = sha256('x') where leaf_index = 300`
    await refused(job, 'leafHashDiffers', 300)
  })
  test('over a log that became shorter', async () => {
    await world.owner`update log_head set size = 299`
    await refused(job, 'logShorterThanTree', 299)
    await world.owner`update log_tree set size = 0`
    await refused(job, 'logShorterThanCheckpoint', 299)
  })
  test('over tiles that were changed', async () => {
    await world.owner`update log_tile set hashes = set_byte(hashes, 5, get_byte(hashes, 5) # 1) where tile_index = 1 and level = 0`
    await refused(job, 'checkpointNotPrefix', 300)
  })
  test('over entries that were changed with their hashes and tiles, once they are sealed', async () => {
    await world.owner`
      update log_entry set body = '{}', leaf_hash = sha256('\\x00'::bytea || '{}'::bytea) where leaf_index = 7`
    await world.owner`delete from log_tile`
    await world.owner`update log_tree set size = 0`
    await refused(job, 'checkpointNotPrefix', 300)
    // and not when the checkpoint was taken away too: the mark is elsewhere
    await world.owner`delete from log_checkpoint`
    await refused(job, 'markNotPrefix', 300)
  })
  test('after a checkpoint that it did not sign', async () => {
    const text = `${LOG_ORIGIN}\n300\n${Buffer.alloc(32).toString('base64')}\n`
    await world.owner`update log_checkpoint set note = ${`${text}\n— ${LOG_ORIGIN} ${Buffer.alloc(68).toString('base64')}\n`}`
    await refused(job, 'checkpointForged', 300)
    // nor after one by a key that never signed for this log
    const { privateKey } = generateKeyPairSync('ed25519')
    const stranger = signNote(text, [ed25519Signer(LOG_ORIGIN, privateKey)])
    await world.owner`update log_checkpoint set note = ${stranger}`
    await refused(job, 'checkpointForged', 300)
  })
  test('when the database was put back behind what it signed', async () => {
    await sealAll(job)
    await world.owner`delete from log_checkpoint`
    await world.owner`delete from log_entry where leaf_index >= 200`
    await world.owner`delete from entry_detail where leaf_index >= 200`
    await world.owner`delete from log_tile`
    await world.owner`update log_tree set size = 0`
    await world.owner`update log_head set size = 200`
    await refused(job, 'logBehindMark', 305)
    // the log grew past the mark with other entries: a fork
    await append(200)
    await refused(job, 'markNotPrefix', 305)
  })
  test('that a witness changed', async () => {
    const changed = (note: string) => note.replace('\n305\n', '\n306\n')
    await refused({ ...job, cosign: async ({ note }) => changed(note) }, 'witnessChangedCheckpoint', 305)
    await refused(
      { ...job, cosign: async ({ note }) => note.slice(0, note.indexOf('\n\n') + 2) },
      'witnessChangedCheckpoint',
      305,
    )
  })
})

test('tiles can be made anew from the log: the checkpoint stands meanwhile', async () => {
  const job = await sealerOn(sealer)
  await append(700)
  await sealAll(job)
  const note = await publishedNote()
  const tiles = () => world.owner`select * from log_tile order by level, tile_index`
  const before = [...(await tiles())]
  await world.owner`delete from log_tile`
  await world.owner`update log_tree set size = 0`
  expect(await sealPass(job)).toEqual({ integrated: 700, published: null, more: false })
  expect([...(await tiles())]).toEqual(before)
  expect(await publishedNote()).toBe(note)
})

test('what is between signing and publishing gets the former sizes proven, and its signatures are published', async () => {
  const job = await sealerOn(sealer)
  await append(10)
  await sealAll(job)
  await append(10)
  const seen: number[] = []
  const line = `— witness.example/w1 ${Buffer.alloc(76, 7).toString('base64')}\n`
  await sealAll({
    ...job,
    cosign: async ({ note, size, proveFrom }) => {
      seen.push(size, (await proveFrom(10)).length, (await proveFrom(0)).length)
      return note + line
    },
  })
  expect(seen).toEqual([20, 5, 0])
  expect(await publishedNote()).toContain(line)
  await append(1)
  await sealAll(job) // a cosigned checkpoint is followed by the next one
  await expectPublished(21)
})

test('a key is followed by another one: what the former signed is gone on from', async () => {
  await append(5)
  await sealAll(await sealerOn(sealer))
  await append(5)
  expect(await sealAll(await sealerOn(sealer))).toBe(10)
  const [former = '', present = ''] = await verifierKeys()
  const note = (await publishedNote()) ?? ''
  expect(checkpointOf(note, present).size).toBe(10)
  expect(() => checkpointOf(note, former)).toThrow()
})

describe('the role of the sealer', () => {
  test.each([
    'update log_entry set body = body',
    "insert into log_entry values (1, 99, '', '')",
    'update log_head set size = size',
    'select from entry_detail',
    'select from coverage',
    'select from idempotency',
    'select from client',
    'delete from log_tile',
    'truncate log_tile',
    'delete from log_checkpoint',
    'delete from log_key',
    "update log_key set verifier = ''",
    'update log_tree set log_id = 2',
    'set role kiemthe_app',
  ])('may not: %s', async (statement) => {
    await expect(sealer.unsafe(statement)).rejects.toMatchObject({ code: '42501' })
  })

  test.each([
    'update log_tree set size = size',
    'update log_tile set hashes = hashes',
    'insert into log_tile select * from log_tile',
    "update log_checkpoint set note = ''",
    "insert into log_checkpoint values (2, 0, '')",
    "insert into log_key values (1, '00000000', '')",
  ])('alone may what answers requests may not: %s', async (statement) => {
    await expect(app.unsafe(statement)).rejects.toMatchObject({ code: '42501' })
  })
})

describe('kiemthe seal', () => {
  let folder: string
  const env = () => ({
    DATABASE_URL: world.sealerUrl,
    SEAL_KEY_FILE: join(folder, 'seal-key.json'),
    SEAL_MARK_FILE: join(folder, 'seal-mark.txt'),
  })

  beforeAll(async () => {
    folder = await newDataFolder()
    await makeDataFolder(dataFolder(folder))
    await sealKeyOf(dataFolder(folder))
  })

  afterAll(() => removeDataFolder(folder))

  test('two of them, killed at any moment under appends, lose nothing and fork nothing', async () => {
    const random = seeded(5)
    const seen = new Set<string>()
    let appending = true
    const kill = async () => {
      for (let kills = 0; kills < 3; kills++) {
        const both = [startKiemthe(['seal'], env()), startKiemthe(['seal'], env())]
        await Promise.all(both.map((each) => each.until(/published/)))
        await new Promise((resolve) => setTimeout(resolve, random() * 300))
        await Promise.all(both.map((each) => each.end('SIGKILL')))
      }
      appending = false
    }
    const work = async () => {
      while (appending) {
        await append(7)
        const note = await publishedNote()
        if (note !== null) seen.add(note)
      }
    }
    await Promise.all([kill(), work()])
    expect((await kiemthe(['seal', '--once'], env())).code).toBe(0)
    await expectPublished((await leafHashes()).length)
    await expectNoFork([...seen])
    const marked = (await sealMark(env().SEAL_MARK_FILE).read()) ?? ''
    expect(marked).toBe(await publishedNote())
  })

  test('says all that its environment lacks at once, and takes no key that others may read', async () => {
    const lacking = await kiemthe(['seal'])
    expect(lacking.code).not.toBe(0)
    expect(lacking.stderr).toMatch(/DATABASE_URL[\s\S]*SEAL_KEY_FILE/)
    const open = join(folder, 'open.json')
    const { privateKey } = await sealKeyOf(dataFolder(folder))
    await writeFile(open, JSON.stringify({ privateKey }), { mode: 0o644 })
    const readable = await kiemthe(['seal', '--once'], { ...env(), SEAL_KEY_FILE: open })
    expect(readable.code).not.toBe(0)
    expect(readable.stderr).toContain('chmod 600')
    expect(lacking.stderr + readable.stderr).not.toContain(privateKey)
  })

  test('does not run as a role that could change the log, and tells its fault', async () => {
    const asOwner = await kiemthe(['seal', '--once'], { ...env(), DATABASE_URL: world.ownerUrl })
    expect(asOwner.code).not.toBe(0)
    expect(asOwner.stderr).toContain('kiemthe_sealer')
    await append(2)
    await world.owner`update log_entry set body = '{}' where leaf_index = 1`
    const { SEAL_MARK_FILE: _, ...unmarked } = env()
    const tampered = startKiemthe(['seal'], unmarked)
    await tampered.until(/NOTHING IS SEALED/)
    expect(tampered.stdout()).toContain('"fault":"leafHashDiffers","at":1')
    expect((await tampered.end('SIGTERM')).code).toBe(0)
  })
})
