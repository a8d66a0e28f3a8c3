import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { appendBatch, prepare } from '../../src/audit/log.ts'
import { dataFolder, makeDataFolder, sealKeyOf } from '../../src/cli/data-folder.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { holdRow } from '../support/held-row.ts'
import { type Command, kiemthe, newDataFolder, removeDataFolder, startKiemthe } from '../support/kiemthe.ts'
import { deeds } from '../support/log.ts'
import { checkpointOf, cosignedAt, rootOfLeaves } from '../support/outsider.ts'
import { createWorld, type World } from '../support/service.ts'

/**
 * Processes, and SIGKILL at a place that is waited for: sealer and witness are held between two steps by a lock on the row
 * that the next step changes, or by the wire between them. What each step left is what the next sealer finds.
 */
let world: World
let folder: string
let witness: Command
let wire: Wire
/** Of the witness, as it prints it. */
let witnessKey: string
/** Every note that left the sealer, published or not, and every one that was published. */
const seen = new Set<string>()
let size = 0

const at = (name: string) => join(folder, name)
const environment = () => ({
  DATABASE_URL: world.sealerUrl,
  SEAL_KEY_FILE: at('seal-key.json'),
  SEAL_MARK_FILE: at('seal-mark.txt'),
  WITNESS_POLICY_FILE: at('policy'),
})

beforeAll(async () => {
  world = await createWorld([])
  folder = await newDataFolder()
  await makeDataFolder(dataFolder(folder))
  await sealKeyOf(dataFolder(folder))
  // the key is in the database before its first signature: a pass over nothing
  const { WITNESS_POLICY_FILE: _, ...alone } = environment()
  expect((await kiemthe(['seal', '--once'], alone)).code).toBe(0)
  wire = await openWire()
  await startWitness()
  await writeFile(at('policy'), `log ${await logKey()}\nwitness w ${witnessKey} ${wire.url}\nquorum w\n`)
})

afterAll(async () => {
  await witness?.end('SIGKILL')
  wire?.close()
  await world?.close()
  await removeDataFolder(folder)
})

async function startWitness(): Promise<void> {
  const env = { WITNESS_NAME: 'w.example', WITNESS_FOLDER: at('w'), WITNESS_LOGS: await logKey(), PORT: '0' }
  witness = startKiemthe(['witness'], env)
  const [, url = ''] = await witness.until(/^ready (http.+)$/m)
  witnessKey = /^witness (.+)$/m.exec(witness.stdout())?.[1] ?? ''
  wire.leadTo(url)
}

async function logKey(): Promise<string> {
  const [row] = await world.owner<{ verifier: string }[]>`select verifier from log_key`
  return row?.verifier ?? ''
}

async function append(count: number): Promise<void> {
  const keys = deriveDataKeys(world.dataKeys)
  const rows = deeds(count).map((each) => prepare(keys, each))
  await appendBatch(world.owner, keys, rows)
  size += count
}

async function published(): Promise<string> {
  const [row] = await world.owner<{ note: string }[]>`select note from log_checkpoint`
  if (row !== undefined) seen.add(row.note)
  return row?.note ?? ''
}

/** The way to the witness; whoever passes can be held up before it, or behind it with the answer. */
interface Wire {
  readonly url: string
  readonly leadTo: (url: string) => void
  readonly passes: (where: 'freely' | 'notThere' | 'notBack') => void
  readonly untilHeld: () => Promise<void>
  readonly close: () => void
}

async function openWire(): Promise<Wire> {
  let [to, passes, held] = ['', 'freely', 0]
  const server: Server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += String(part)
    if (body.includes('\n\n')) seen.add(body.slice(body.indexOf('\n\n') + 2))
    const answered = async () => {
      const reply = await fetch(`${to}${request.url}`, {
        method: request.method ?? '',
        body: body === '' ? null : body,
      })
      response.writeHead(reply.status, { 'content-type': reply.headers.get('content-type') ?? '' })
      return { status: reply.status, text: await reply.text() }
    }
    try {
      if (passes === 'notThere') return void held++
      const { status, text } = await answered()
      // it tells its size first, and is asked again
      if (passes === 'notBack' && status === 200) return void held++
      response.end(text)
    } catch {
      response.destroy() // it is dead
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    leadTo: (url) => {
      to = url
    },
    passes: (where) => {
      passes = where
      held = 0
    },
    untilHeld: () => expect.poll(() => held, { interval: 5, timeout: 30_000 }).toBeGreaterThan(0),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

interface Place {
  /** Once it is reached, what happens to those who are not killed. */
  readonly reached: () => Promise<() => Promise<unknown>>
  readonly appended: number
  /** Of what was appended, what stands in the checkpoint and in the mark when the sealer is dead. */
  readonly published: number
  readonly marked: number
}

/** A sealer goes on from what the one before it left; then it is held at that place, and killed. */
async function killedAt(prepare: () => Promise<Place> | Place): Promise<void> {
  const sealer = startKiemthe(['seal'], environment())
  try {
    await sealed()
    const { reached, appended, ...left } = await prepare()
    await append(appended)
    const then = await reached()
    await sealer.end('SIGKILL')
    await then()
    wire.passes('freely')
    const key = await logKey()
    const marked = await readFile(at('seal-mark.txt'), 'utf8')
    seen.add(marked)
    const before = size - appended
    expect({
      published: checkpointOf(await published(), key).size - before,
      marked: checkpointOf(marked, key).size - before,
    }).toEqual(left)
  } finally {
    await sealer.end('SIGKILL')
  }
}

/** All that is recorded is published, and cosigned. */
async function sealed(): Promise<void> {
  const key = await logKey()
  const cosignedSize = async () => {
    const note = await published()
    return note.includes('— w.example ') ? checkpointOf(note, key).size : null
  }
  await expect.poll(cosignedSize, { interval: 20, timeout: 30_000 }).toBe(size)
  expect(cosignedAt(await published(), witnessKey).getTime()).toBeLessThanOrEqual(Date.now())
}

test('killed between any two of integrate, sign, cosign and publish: nothing is lost, no fork, and the next one goes on', async () => {
  for (const outcome of ['undone', 'done'] as const) {
    await killedAt(async () => {
      const { untilWaiting, [outcome]: then } = await holdRow(world.owner, 'log_tree', 'kiemthe seal')
      const reached = () => untilWaiting().then(() => then)
      return { reached, appended: 300, published: 0, marked: 0 } // a tile is filled, and another begun
    })
    await killedAt(async () => {
      const { untilWaiting, [outcome]: then } = await holdRow(world.owner, 'log_checkpoint', 'kiemthe seal')
      const reached = () => untilWaiting().then(() => then)
      return { reached, appended: 3, published: outcome === 'done' ? 3 : 0, marked: 3 }
    })
  }
  for (const [where, withWitness] of [
    ['notThere', false],
    ['notBack', false],
    ['notBack', true],
  ] as const) {
    await killedAt(() => {
      wire.passes(where)
      const then = async () => {
        if (!withWitness) return
        await witness.end('SIGKILL')
        await startWitness()
      }
      return { reached: () => wire.untilHeld().then(() => then), appended: 3, published: 0, marked: 3 }
    })
  }
  expect(await kiemthe(['seal', '--once'], environment())).toMatchObject({ code: 0 })
  await sealed()

  const leaves = await world.owner<{ hash: Buffer; index: number }[]>`
    select sha256('\\x00'::bytea || convert_to(body, 'UTF8')) as hash, leaf_index as index from log_entry order by leaf_index`
  expect(leaves.map(({ index }) => index)).toEqual(Array.from({ length: size }, (_, i) => i))
  const key = await logKey()
  const sizes = new Set<number>()
  for (const note of seen) {
    const shown = checkpointOf(note, key)
    sizes.add(shown.size)
    expect(shown.root).toEqual(rootOfLeaves(leaves.slice(0, shown.size).map(({ hash }) => hash)))
  }
  // of nothing; of two rounds that integrated, once what went on; of five, what the killed one signed: the next one signs it again
  expect([...sizes].toSorted((a, b) => a - b)).toEqual([0, 300, 303, 603, 606, 609, 612, 615])
})
