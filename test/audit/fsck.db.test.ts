import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { seeded } from '../../loadtest/seeded.ts'
import { splitViews } from '../../loadtest/split-view.ts'
import { BACK_DATED, check, keepAside, putBack, REHASHED, type Tampered, tamper } from '../../loadtest/tampering.ts'
import type { Finding } from '../../src/audit/fsck/findings.ts'
import { appendBatch, prepare } from '../../src/audit/log.ts'
import type { SealJob } from '../../src/audit/seal/seal.ts'
import { openNote, signatureLine } from '../../src/audit/signed-note.ts'
import { readPolicy } from '../../src/audit/witness/policy.ts'
import { type DataKeys, deriveDataKeys } from '../../src/data-keys.ts'
import { seal } from '../../src/seal.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { kiemthe } from '../support/kiemthe.ts'
import { deed, deeds } from '../support/log.ts'
import { sealAll, sealerOn } from '../support/sealing.ts'
import { createWorld, type World } from '../support/service.ts'
import { witnessKey } from '../support/signed-log.ts'

/** Whoever has the database may change everything in it: `fsck` names what, as far as keys outside of it can tell. */

/** Two whole tiles and the beginning of a third; the last 40 entries are not published. */
const SEALED = 600
const SIZE = 640

let world: World
let keys: DataKeys
let sealer: SealJob
let folder: Awaited<ReturnType<typeof keysFolder>>

beforeAll(async () => {
  world = await createWorld([])
  folder = await keysFolder(world)
  keys = deriveDataKeys(world.dataKeys)
  await append(SEALED)
  sealer = await sealerOn(world.owner)
  expect(await sealAll(sealer)).toBe(SEALED)
  await append(SIZE - SEALED)
  await keepAside(world.owner)
})

afterEach(() => putBack(world.owner))

afterAll(async () => {
  await world?.close()
  await folder?.remove()
})

async function append(count: number): Promise<void> {
  const rows = deeds(count).map((each) => prepare(keys, each))
  await appendBatch(world.owner, keys, rows)
}

const look = () => check(world.owner, keys, sealer.verifier)

async function found(): Promise<readonly Finding[]> {
  return (await look()).findings
}

const change = (sql: string) => world.owner.unsafe(sql)
test('a sound log would be found wrong, or not all of it be looked at', async () => {
  expect(await look()).toMatchObject({
    entries: SIZE,
    details: { opened: SIZE, erased: 0 },
    checkpoint: { size: SEALED, signedBy: [sealer.signer.name] },
    findings: [],
  })
})

describe('would not be named:', () => {
  test.each<[string, string, readonly Finding[]]>([
    [
      'a changed body',
      `update log_entry set body = replace(body, 'valid', 'stale') where leaf_index = 300`,
      [{ what: 'leafHashDiffers', index: 300 }],
    ],
    [
      'a changed body with its hash',
      `update log_entry set body = replace(body, 'valid', 'stale') where leaf_index = 300;
       update log_entry set ${REHASHED} where leaf_index = 300`,
      [{ what: 'entryReplaced', index: 300 }],
    ],
    [
      'a changed hash',
      `update log_entry set leaf_hash = sha256('x') where leaf_index = 639`,
      [{ what: 'leafHashDiffers', index: 639 }],
    ],
    [
      'a hash cut short',
      `update log_entry set leaf_hash = 'x' where leaf_index = 7`,
      [{ what: 'leafHashDiffers', index: 7 }],
    ],
    [
      'a back-dated entry',
      `update log_entry set ${BACK_DATED} where leaf_index = 620; update log_entry set ${REHASHED} where leaf_index = 620`,
      [{ what: 'recordedOutOfOrder', index: 620 }],
    ],
    [
      'what is no body',
      `update log_entry set body = '{}' where leaf_index = 5`,
      [
        { what: 'leafHashDiffers', index: 5 },
        { what: 'bodyUnreadable', index: 5 },
        { what: 'detailDiffers', index: 5 },
      ],
    ],
    [
      'a body with a separator in it',
      `update log_entry set body = body || chr(31) where leaf_index = 5`,
      [
        { what: 'leafHashDiffers', index: 5 },
        { what: 'detailDiffers', index: 5 },
      ],
    ],
    [
      'entries taken out',
      'delete from log_entry where leaf_index in (0, 255, 256, 639)',
      [
        ...[0, 255, 256, 639].map((index) => ({ what: 'detailOfNothing', index }) as const),
        { what: 'entryMissing', index: 0, last: 0 },
        { what: 'entryMissing', index: 255, last: 256 },
        { what: 'entryMissing', index: 639, last: 639 },
      ],
    ],
    [
      'two entries that changed places, details with them',
      `update log_entry set leaf_index = -1 where leaf_index = 10; update log_entry set leaf_index = 10 where leaf_index = 400;
       update log_entry set leaf_index = 400 where leaf_index = -1;
       update entry_detail set leaf_index = -1 where leaf_index = 10; update entry_detail set leaf_index = 10 where leaf_index = 400;
       update entry_detail set leaf_index = 400 where leaf_index = -1`,
      [
        { what: 'entryReplaced', index: 10 },
        { what: 'entryReplaced', index: 400 },
      ],
    ],
    [
      'a log cut off',
      'update log_head set size = 590',
      [
        ...Array.from({ length: 50 }, (_, i) => ({ what: 'entryBeyondHead', index: 590 + i }) as const),
        { what: 'logShorterThanTree', index: 590, last: 599 },
        { what: 'logShorterThanCheckpoint', index: 590, last: 599 },
      ],
    ],
    [
      'an entry put behind the end',
      `insert into log_entry select log_id, 640, body, leaf_hash from log_entry where leaf_index = 3`,
      [{ what: 'entryBeyondHead', index: 640 }],
    ],
    [
      'a changed tile',
      `update log_tile set hashes = sha256('x') || substring(hashes from 33) where level = 0 and tile_index = 1`,
      [{ what: 'tileDiffers', level: 0, index: 1 }],
    ],
    [
      'a changed tile that is not full',
      `update log_tile set hashes = sha256('x') || substring(hashes from 33) where level = 0 and tile_index = 2`,
      [{ what: 'tileDiffers', level: 0, index: 2 }],
    ],
    [
      'a changed tile above',
      `update log_tile set hashes = sha256('x') || substring(hashes from 33) where level = 1`,
      [{ what: 'tileDiffers', level: 1, index: 0 }],
    ],
    [
      'a tile that is gone',
      'delete from log_tile where level = 0 and tile_index = 0',
      [{ what: 'tileMissing', level: 0, index: 0 }],
    ],
    [
      'other details',
      `update entry_detail set salt = sha256('x') where leaf_index = 12`,
      [{ what: 'detailDiffers', index: 12 }],
    ],
    [
      'damaged details',
      `update entry_detail set sealed = substring(sealed for 40) where leaf_index = 12`,
      [{ what: 'detailDoesNotOpen', index: 12 }],
    ],
    [
      'details that nobody erased',
      'delete from entry_detail where leaf_index = 12',
      [{ what: 'detailMissing', index: 12 }],
    ],
    [
      'details of nothing',
      'update entry_detail set leaf_index = 9000 where leaf_index = 12',
      [
        { what: 'detailOfNothing', index: 9000 },
        { what: 'detailMissing', index: 12 },
      ],
    ],
    [
      'a changed checkpoint',
      `update log_checkpoint set note = replace(note, E'\\n600\\n', E'\\n599\\n')`,
      [{ what: 'checkpointForged', index: 599 }],
    ],
  ])('%s', async (_, sql, expected) => {
    await change(sql)
    expect(await found()).toEqual(expected)
  })
})

test('a log that was rewritten with its tiles would pass for the one that was signed', async () => {
  await change(`update log_entry set body = replace(body, 'valid', 'stale') where leaf_index = 300;
    update log_entry set ${REHASHED} where leaf_index = 300;
    truncate log_tile; update log_tree set size = 0`)
  const [before] = await world.owner<{ note: string }[]>`select note from log_checkpoint`
  await change('delete from log_checkpoint')
  // by whoever has no key of the log: one of their own signs the new tree
  await sealAll(await sealerOn(world.owner))
  expect((await found()).map(({ what }) => what)).toContain('checkpointForged')
  await world.owner`update log_checkpoint set note = ${before?.note ?? ''}`
  expect((await found()).map(({ what }) => what)).toContain('checkpointOfAnotherTree')
})

test('details that an erasure took would be called missing, or be there again unseen', async () => {
  const taken = prepare(
    keys,
    deed({ kind: 'erasure', subject: null, details: JSON.stringify({ v: 1, entries: [12, 13] }) }),
  )
  await appendBatch(world.owner, keys, [taken])
  await change('delete from entry_detail where leaf_index = 12')
  expect(await look()).toMatchObject({ details: { erased: 1 }, findings: [{ what: 'detailNotErased', index: 13 }] })
  // whoever only has the database cannot say that it was an erasure
  await world.owner`update entry_detail set sealed = ${seal(keys, 'entry_detail', '', '{"v":1,"entries":[12,13,14]}')} where leaf_index = ${SIZE}`
  expect((await found()).map(({ what }) => what)).toEqual(['detailDiffers', 'detailMissing'])
})

/** At full size: `npm run loadtest -- fsck`. */
test('tampering at some place of the log would pass', async () => {
  const steps: Tampered[] = []
  const of = { steps: 36, sealed: SEALED, random: seeded(7) }
  await tamper(world.owner, keys, sealer.verifier, of, (step) => steps.push(step))
  await splitViews({ steps: 20, random: seeded(7) }, (step) => steps.push(step))
  expect(steps.filter(({ named }) => !named)).toEqual([])
  expect(new Set(steps.map(({ kind }) => kind)).size).toBe(13)
})

test('a cosignature that is missing, or that no witness made, would pass', async () => {
  const [one, other] = [witnessKey('one.example'), witnessKey('other.example')]
  const [row] = await world.owner<{ note: string }[]>`select note from log_checkpoint`
  const note = row?.note ?? ''
  const line = ({ signer: { name, keyId, sign } }: typeof one, text: string) =>
    signatureLine({ name, keyId, signature: sign(text) })
  const text = openNote(note, [sealer.verifier])?.text ?? ''
  const policyOf = (quorum: string) =>
    readPolicy(`witness a ${one.text}\nwitness b ${other.text}\ngroup all 2 a b\nquorum ${quorum}\n`)
  const found = async (lines: string, quorum: string) => {
    await world.owner`update log_checkpoint set note = ${note + lines}`
    const { findings, cosignatures } = await check(world.owner, null, sealer.verifier, policyOf(quorum))
    return { findings, states: cosignatures.map(({ state }) => state) }
  }
  expect(await found('', 'none')).toEqual({ findings: [], states: ['missing', 'missing'] })
  expect(await found(line(one, text), 'a')).toEqual({ findings: [], states: ['verified', 'missing'] })
  expect(await found(line(one, text), 'all')).toEqual({
    findings: [{ what: 'cosignatureMissing', witness: 'b' }],
    states: ['verified', 'missing'],
  })
  expect(await found(line(one, text) + line(other, `${text}x`), 'a')).toEqual({
    findings: [{ what: 'cosignatureForged', witness: 'b' }],
    states: ['verified', 'forged'],
  })
})

test('an export would not be what the log is, or be checked without keys from outside', async () => {
  const [key] = await world.owner<
    { verifier: string }[]
  >`select verifier from log_key where key_id = ${sealer.verifier.keyId}`
  const home = await mkdtemp(join(tmpdir(), 'kiemthe-export-'))
  const file = join(home, 'log')
  const keysFile = join(home, 'keys')
  await writeFile(keysFile, `${key?.verifier}\n`)
  const env = { DATABASE_URL: world.ownerUrl, DATA_KEYS_FILE: join(folder.path, 'data-keys.json') }
  try {
    const inside = await kiemthe(['fsck', '--keys', keysFile], env)
    expect(inside).toMatchObject({ code: 0 })
    expect(inside.stdout).toContain('all is as it was recorded')
    expect(await kiemthe(['export', file], env)).toMatchObject({ code: 0 })
    expect((await kiemthe(['fsck', '--export', file])).stderr).toContain('--keys FILE')
    const sound = await kiemthe(['fsck', '--export', file, '--keys', keysFile])
    expect(sound).toMatchObject({ code: 0 })
    expect(sound.stdout).toContain(`checkpoint of ${SEALED} entries, signed by ${sealer.signer.name}`)
    const policy = join(home, 'policy')
    await writeFile(policy, `log ${key?.verifier}\nwitness w ${witnessKey('w.example').text}\nquorum w\n`)
    const unwitnessed = await kiemthe(['fsck', '--export', file, '--keys', policy])
    expect(unwitnessed).toMatchObject({ code: 1 })
    expect(unwitnessed.stdout).toContain('bears no cosignature of w')
    const text = await readFile(file, 'utf8')
    const lines = text.split('\n')
    const place = 421
    const changes = {
      edited: lines.with(place + 1, (lines[place + 1] ?? '').replace('valid', 'stale')),
      exchanged: lines.with(place + 1, lines[12] ?? '').with(12, lines[place + 1] ?? ''),
      'of the last, begun tile': lines.with(SEALED, (lines[SEALED] ?? '').replace('valid', 'stale')),
    }
    for (const [what, changed] of Object.entries(changes)) {
      await writeFile(file, changed.join('\n'))
      const { code, stdout } = await kiemthe(['fsck', '--export', file, '--keys', keysFile])
      expect(code, what).toBe(1)
      const named = [...stdout.matchAll(/^WRONG: entry (\d+) is another one than was sealed$/gm)].map(([, at]) =>
        Number(at),
      )
      expect(named, what).toEqual(what === 'edited' ? [place] : what === 'exchanged' ? [11, place] : [SEALED - 1])
    }
    // hashes that were made to fit are not what was signed
    const hashes = await readFile(`${file}.hashes`)
    expect(hashes.length).toBe(32 * SEALED)
    await writeFile(`${file}.hashes`, hashes.fill(7, 32 * place, 32 * (place + 1)))
    for (const [lines, code] of [
      [text.split('\n'), 0],
      [changes.edited, 1],
    ] as const) {
      await writeFile(file, lines.join('\n'))
      const unnamed = await kiemthe(['fsck', '--export', file, '--keys', keysFile])
      expect(unnamed.code).toBe(code)
      expect(unnamed.stderr).toContain('is not what the checkpoint was signed over')
      if (code === 1) expect(unnamed.stdout).toContain('is of other entries than these')
    }
  } finally {
    await rm(home, { recursive: true })
  }
})
