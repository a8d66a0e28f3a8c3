import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { appendBatch, prepare } from '../../src/audit/log.ts'
import { dataFolder, sealKeyOf, sealKeysSchema } from '../../src/cli/data-folder.ts'
import { OVERLAP_MS, rotateCheckpoint } from '../../src/cli/keys/checkpoint-rotation.ts'
import type { Place } from '../../src/cli/keys/rotate.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { type Command, kiemthe, startKiemthe } from '../support/kiemthe.ts'
import { deeds } from '../support/log.ts'
import { checkpointOf } from '../support/outsider.ts'
import { createWorld, type World } from '../support/service.ts'

/** One key that signs checkpoints follows another: whoever knows either of them is never left without a signature. */

let world: World
let folder: Awaited<ReturnType<typeof keysFolder>>
let witness: Command | undefined
let nowMs = Date.now()

const at = (name: string) => join(folder.path, name)

beforeAll(async () => {
  world = await createWorld([])
  folder = await keysFolder(world)
  await sealKeyOf(dataFolder(folder.path))
})

afterAll(async () => {
  await witness?.end('SIGKILL')
  await world?.close()
  await folder?.remove()
})

class Killed extends Error {}

function place(seam: (name: string) => void = () => {}): Place {
  const clock = { now: () => new Date(nowMs), sleep: async () => {} }
  const files = { dataKeysFile: at('data-keys.json'), tokenKeysFile: at('token-keys.json') }
  return { sql: world.owner, ...files, clock, say: () => {}, seam }
}

async function sealOnce() {
  const rows = deeds(3).map((deed) => prepare(deriveDataKeys(world.dataKeys), deed))
  await appendBatch(world.owner, deriveDataKeys(world.dataKeys), rows)
  const sealed = await kiemthe(['seal', '--once'], {
    DATABASE_URL: world.sealerUrl,
    SEAL_KEY_FILE: at('seal-key.json'),
    SEAL_MARK_FILE: at('seal-mark.txt'),
    WITNESS_POLICY_FILE: at('policy.txt'),
  })
  expect(sealed.code).toBe(0)
  const [row] = await world.owner<{ note: string }[]>`select note from log_checkpoint`
  return row?.note ?? ''
}

const keysOf = async () =>
  (await world.owner<{ verifier: string }[]>`select verifier from log_key order by used_since`).map(
    (row) => row.verifier,
  )

async function startWitness(logs: readonly string[]): Promise<void> {
  await witness?.end('SIGKILL')
  const env = { WITNESS_NAME: 'w.example', WITNESS_FOLDER: at('w'), WITNESS_LOGS: logs.join(' '), PORT: '0' }
  witness = startKiemthe(['witness'], env)
  await witness.until(/^ready http/m)
  const [, key] = /^witness (.+)$/m.exec(witness.stdout()) ?? []
  const [, url] = /^ready (.+)$/m.exec(witness.stdout()) ?? []
  await writeFile(
    at('policy.txt'),
    [...logs.map((log) => `log ${log}`), `witness w ${key} ${url}`, 'quorum w', ''].join('\n'),
  )
}

const fsck = (keys: string) =>
  kiemthe(['fsck', '--keys', keys], { DATABASE_URL: world.ownerUrl, DATA_KEYS_FILE: at('data-keys.json') })

const rotate = (seam?: (name: string) => void) => rotateCheckpoint(place(seam), at('seal-key.json'), false)

test('a log whose key is changed would be another log to whoever has the former one, or to a witness', async () => {
  await writeFile(at('policy.txt'), 'quorum none\n')
  await sealOnce()
  const [former = ''] = await keysOf()
  await startWitness([former])

  // killed between entry and file, the file has one key; run again, both sign
  const dies = (name: string) => {
    if (name.endsWith('in the log')) throw new Killed()
  }
  await expect(rotate(dies)).rejects.toThrow(Killed)
  expect(sealKeysSchema.parse(JSON.parse(await readFile(at('seal-key.json'), 'utf8'))).former).toBeUndefined()
  await rotate()
  const both = await sealOnce()
  const [first = '', second = ''] = await keysOf()
  expect(first).toBe(former)
  expect(checkpointOf(both, former)).toEqual(checkpointOf(both, second))
  expect(both).toContain('— w.example ') // it knows the former alone
  const [entry] = await world.owner<{ id: string }[]>`
    select body::json #>> '{outcome,id}' as id from log_entry where body like '%"key":"checkpoint"%' order by leaf_index desc limit 1`
  expect(entry?.id).toBe(second)
  expect((await fsck(at('policy.txt'))).stdout).toContain('cosignature of w: verified')

  // not before its time
  nowMs += OVERLAP_MS - 1
  await rotate()
  expect(checkpointOf(await sealOnce(), former).size).toBeGreaterThan(0)
  await startWitness([former, second])
  nowMs += 1
  await rotate()
  const after = await sealOnce()
  expect(checkpointOf(after, second).size).toBeGreaterThan(checkpointOf(both, second).size)
  expect(() => checkpointOf(after, former)).toThrow()
  expect(after).toContain('— w.example ')
  expect((await fsck(at('policy.txt'))).stdout).toContain('all is as it was recorded')
  // whoever has the former alone is told that nothing they know signs
  await writeFile(at('former.txt'), former)
  expect((await fsck(at('former.txt'))).stdout).toContain('is not signed by the log')
})
