import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appendBatch, prepare } from '../../src/audit/log.ts'
import type { SealJob } from '../../src/audit/seal/seal.ts'
import { addCheckpointText } from '../../src/audit/witness/add-checkpoint.ts'
import { createWitness } from '../../src/audit/witness/witness.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { deeds } from '../support/log.ts'
import { checkGrowth, checkProof, checkpointOf, cosignedAt, rootOfLeaves } from '../support/outsider.ts'
import { sealAll, sealerOn } from '../support/sealing.ts'
import { createWorld, type Running, type World } from '../support/service.ts'
import { witnessKey } from '../support/signed-log.ts'

/** What an outsider does with public bytes, who shares no code with the service (`test/support/outsider.ts`). */
let world: World
let running: Running
let sealer: SealJob
let key: string
/** Runs a witness: to us only its key. */
const insurer = witnessKey('witness.insurer.example/1')
const FIRST = 300
const SIZE = 700

beforeAll(async () => {
  world = await createWorld([])
  running = await world.start()
  const alone = await sealerOn(world.owner)
  sealer = { ...alone, cosign: witnessed(alone) }
  key = (await world.owner<{ verifier: string }[]>`select verifier from log_key`)[0]?.verifier ?? ''
})

afterAll(() => world?.close())

/** By a witness that has seen nothing yet, and is told each time from where the log grew. */
function witnessed({ verifier }: SealJob): SealJob['cosign'] {
  const notes = new Map<string, string>()
  const memory = {
    latest: (origin: string) => notes.get(origin) ?? null,
    remember: async (origin: string, note: string) => void notes.set(origin, note),
  }
  const witness = createWitness([verifier], insurer.signer, memory, () => {})
  let oldSize = 0
  return async ({ note, size, proveFrom }) => {
    const proof = oldSize === 0 ? [] : await proveFrom(oldSize)
    const { status, body } = await witness.add(addCheckpointText({ oldSize, proof, note }))
    if (status !== 200) throw new Error(`not cosigned: ${status}`)
    oldSize = size
    return note + body
  }
}

async function append(count: number, recordedAt = new Date()): Promise<void> {
  const keys = deriveDataKeys(world.dataKeys)
  const rows = deeds(count, { recordedAt }).map((deed) => prepare(keys, deed))
  await appendBatch(world.owner, keys, rows)
}

async function ask(path: string) {
  const response = await fetch(`${running.url}/v1/log${path}`)
  const bytes = Buffer.from(await response.arrayBuffer())
  return {
    status: response.status,
    bytes,
    text: bytes.toString(),
    type: response.headers.get('content-type'),
    cached: response.headers.get('cache-control'),
    retryAfter: response.headers.get('retry-after'),
  }
}

/** A problem, with its two texts. */
async function refusal(path: string) {
  const { status, text, cached, retryAfter } = await ask(path)
  const problem = JSON.parse(text) as Record<string, string>
  expect(problem['desk']).toMatch(/[ạảãáàâăđêôơư]/)
  expect(problem['integrator']).toMatch(/\w/)
  expect(cached).toBe('no-store')
  return { status, code: problem['code'], retryAfter, detail: problem['detail'] }
}

const ready = async () => (await fetch(`${running.url}/health/ready`)).json()

/** In the order of their index: known to whoever keeps receipts. */
async function receipts(): Promise<Buffer[]> {
  const rows = await world.owner<{ leaf_hash: Buffer }[]>`select leaf_hash from log_entry order by leaf_index`
  return rows.map((row) => Buffer.from(row.leaf_hash))
}

test('before the first checkpoint nothing is proven, and it is said when to ask again', async () => {
  const nothingYet = { status: 404, code: 'log_not_published', retryAfter: '10' }
  for (const path of ['/1/checkpoint', '/1/proof/0', '/1/consistency?from=0&to=0', '/1/tile/0/000.p/1']) {
    expect(await refusal(path)).toMatchObject(nothingYet)
  }
})

test('a checkpoint that is late would be told to nobody', async () => {
  await append(1, new Date(Date.now() - 14_000))
  const reasons = async () => ((await ready()) as { reasons: string[] }).reasons
  expect(await reasons()).toEqual(['copyMissing'])
  await append(FIRST - 1)
  expect(await reasons()).toEqual(['copyMissing'])
  await expect.poll(reasons, { timeout: 10_000 }).toEqual(['copyMissing', 'checkpointLate'])
  expect(await sealAll(sealer)).toBe(FIRST)
  expect(await reasons()).toEqual(['copyMissing'])
})

describe('an outsider with a verifier key of the log, and one of a witness', () => {
  let first: { size: number; root: Buffer }

  test('finds the key it has been given among those that are shown', async () => {
    const { status, text, cached } = await ask('/keys')
    expect(status).toBe(200)
    expect(cached).toMatch(/^public/)
    const origin = 'kiemthe.example/thanhhoa/1'
    const usedSince = expect.stringMatching(/Z$/)
    expect(JSON.parse(text)).toEqual({ logs: [{ log: '1', origin, keys: [{ key, state: 'current', usedSince }] }] })
  })

  test('verifies the checkpoint', async () => {
    const { status, text, type, cached } = await ask('/1/checkpoint')
    expect([status, type, cached]).toEqual([200, 'text/plain; charset=utf-8', 'public, max-age=2'])
    first = checkpointOf(text, key)
    expect(first).toEqual({ size: FIRST, root: rootOfLeaves(await receipts()) })
  })

  test('verifies that the witness saw it', async () => {
    const { text } = await ask('/1/checkpoint')
    expect(Math.abs(cosignedAt(text, insurer.text).getTime() - Date.now())).toBeLessThan(60_000)
    const proof = (await ask('/1/proof/7')).text
    expect(cosignedAt(proof.slice(proof.indexOf('\n\n') + 2), insurer.text)).toEqual(cosignedAt(text, insurer.text))
    const another = witnessKey(insurer.name).text
    for (const wrong of [key, another]) expect(() => cosignedAt(text, wrong)).toThrow('not ')
  })

  test('verifies the proof of every receipt, and of no other one', async () => {
    const leaves = await receipts()
    for (const index of [0, 1, 127, 128, 255, 256, 298, 299]) {
      const { status, text, type } = await ask(`/1/proof/${index}`)
      expect([status, type]).toEqual([200, 'text/plain; charset=utf-8'])
      const [leaf, other] = [leaves[index] ?? Buffer.alloc(32), leaves[(index + 1) % FIRST] ?? Buffer.alloc(32)]
      expect(checkProof(text, key, leaf)).toMatchObject({ size: FIRST, index })
      expect(() => checkProof(text, key, other)).toThrow('the root')
    }
  })

  test('is told what is not published yet, and when to ask again', async () => {
    await append(SIZE - FIRST)
    const notYet = { status: 404, code: 'log_not_published', retryAfter: '10' }
    const detail = 'the checkpoint is of 300 entries'
    for (const path of ['/1/proof/300', '/1/consistency?from=1&to=301', '/1/tile/0/001.p/45', '/1/tile/0/001']) {
      expect(await refusal(path)).toEqual({ ...notYet, detail })
    }
    expect(await sealAll(sealer)).toBe(SIZE)
    expect((await ask('/1/proof/300')).status).toBe(200)
  })

  test('verifies that the log only grew', async () => {
    const later = checkpointOf((await ask('/1/checkpoint')).text, key)
    const leaves = await receipts()
    const { status, text, cached } = await ask(`/1/consistency?from=${FIRST}&to=${SIZE}`)
    expect([status, cached]).toEqual([200, 'public, max-age=31536000, immutable'])
    checkGrowth(text, first, later)
    for (const [from, to] of [
      [1, 2],
      [256, 512],
      [299, 300],
      [511, SIZE],
    ] as const) {
      const of = (size: number) => ({ size, root: rootOfLeaves(leaves.slice(0, size)) })
      checkGrowth((await ask(`/1/consistency?from=${from}&to=${to}`)).text, of(from), of(to))
    }
    expect((await ask(`/1/consistency?from=0&to=${SIZE}`)).text).toBe('')
    expect((await ask(`/1/consistency?from=${SIZE}&to=${SIZE}`)).text).toBe('')
  })

  test('makes the same root from tiles alone', async () => {
    const tile = async (path: string) => {
      const { status, bytes, type, cached } = await ask(`/1/tile/${path}`)
      expect([status, type, cached]).toEqual([200, 'application/octet-stream', 'public, max-age=31536000, immutable'])
      return Array.from({ length: bytes.length / 32 }, (_, i) => bytes.subarray(i * 32, (i + 1) * 32))
    }
    const leaves = [...(await tile('0/000')), ...(await tile('0/001')), ...(await tile('0/002.p/188'))]
    expect(leaves).toEqual(await receipts())
    expect(rootOfLeaves(leaves)).toEqual(checkpointOf((await ask('/1/checkpoint')).text, key).root)
    expect(await tile('1/000.p/2')).toEqual([rootOfLeaves(leaves.slice(0, 256)), rootOfLeaves(leaves.slice(256, 512))])
    // of an earlier checkpoint: it stays where it was
    expect(await tile('0/001.p/44')).toEqual(leaves.slice(256, 300))
  })
})

test.each([
  ['/2/checkpoint', 404, 'log_not_found'],
  ['/0/checkpoint', 404, 'log_not_found'],
  ['/99999/proof/0', 404, 'log_not_found'],
  ['/one/tile/0/000', 404, 'log_not_found'],
  ['/1/proof/-1', 400, 'log_place_invalid'],
  ['/1/proof/01', 400, 'log_place_invalid'],
  ['/1/proof/9007199254740992', 400, 'log_place_invalid'],
  ['/1/consistency', 400, 'log_place_invalid'],
  ['/1/consistency?from=2&to=1', 400, 'log_place_invalid'],
  ['/1/consistency?from=1e2&to=200', 400, 'log_place_invalid'],
  ['/1/tile/0/0', 404, 'route_not_found'],
  ['/1/tile/0/000.p/256', 404, 'route_not_found'],
  ['/1/tile/2/000.p/1', 404, 'log_not_published'],
  // bodies tell when a desk checked somebody, and how that ended
  ['/1/tile/entries/000', 404, 'route_not_found'],
  ['/1/tile/data/000', 404, 'route_not_found'],
])('%s is refused', async (path, status, code) => {
  expect(await refusal(path)).toMatchObject({ status, code })
})

test('tiles that were changed are not proven with', async () => {
  const flip = () =>
    world.owner`update log_tile set hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) where level = 0 and tile_index = 2`
  await flip()
  for (const path of ['/1/proof/600', `/1/consistency?from=1&to=${SIZE}`]) {
    expect(await refusal(path)).toMatchObject({ status: 500, code: 'internal' })
  }
  await flip()
  expect((await ask('/1/proof/600')).status).toBe(200)
  // taken away to be made anew: for a while, not for ever
  await world.owner`delete from log_tile where level = 0 and tile_index = 2`
  expect(await refusal('/1/proof/600')).toMatchObject({ status: 404, code: 'log_not_published', retryAfter: '10' })
  await world.owner`delete from log_tile`
  await world.owner`update log_tree set size = 0`
  expect(await sealAll(sealer)).toBe(SIZE)
  expect((await ask('/1/proof/600')).status).toBe(200)
})

test('nothing that is shown names the facility, or what was decided', async () => {
  const shown = [(await ask('/1/checkpoint')).text, (await ask('/1/proof/1')).text, (await ask('/keys')).text].join('')
  expect(shown).not.toMatch(/38001|entitled|verification/)
})

test('a witness that is silent too long would be told to nobody, or keep a checkpoint back', async () => {
  const reasons = async () => ((await ready()) as { reasons: string[] }).reasons
  const wanting = { ...sealer, isCosigned: (note: string) => note.includes(`— ${insurer.name} `) }
  const silent: SealJob = { ...wanting, cosign: async ({ note }) => note }
  for (const [secondsAgo, told] of [
    [40, ['copyMissing']],
    [61, ['copyMissing', 'cosignatureLate']],
  ] as const) {
    await append(1, new Date(Date.now() - secondsAgo * 1_000))
    const size = await sealAll(silent)
    const alone = (await ask('/1/checkpoint')).text
    expect(checkpointOf(alone, key).size).toBe(size)
    expect(() => cosignedAt(alone, insurer.text)).toThrow('not signed')
    expect(await reasons()).toEqual(told)
    expect(await sealAll(wanting)).toBe(size)
    cosignedAt((await ask('/1/checkpoint')).text, insurer.text)
    expect(await reasons()).toEqual(['copyMissing'])
  }
})
