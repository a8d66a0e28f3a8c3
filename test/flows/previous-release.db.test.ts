import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { judge, KeyedLoad } from '../../loadtest/keyed-load.ts'
import { type ServeProcess, startServe } from '../../loadtest/serve-process.ts'
import { person } from '../../mocks/province/person.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { asksOf } from '../support/asks.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { bash, ROOT } from '../support/kiemthe.ts'
import { createWorld, SERVICE_ID, type World } from '../support/service.ts'

/**
 * The release that runs while this one is deployed. Moved to a release's commit right after that release, in a commit of
 * its own: from then on migrations may remove what only earlier ones used.
 */
const PREVIOUS_RELEASE = '1bd868586630776166c0f35c139596f10ae75936'

const ANSWERED_BY_EACH = 400
const DESKS = 8
const READ_ON_THE_OTHER = 50
const people = Array.from({ length: 200 }, (_, i) =>
  person({ seed: 'deploy', baseDate: todayInVietnam(new Date()) }, i),
)

let world: World
let keys: Awaited<ReturnType<typeof keysFolder>>
let previousFolder: string
const running: ServeProcess[] = []

beforeAll(async () => {
  previousFolder = await unpackPreviousRelease()
  world = await createWorld(people.flatMap((each) => each.coverages))
  keys = await keysFolder(world)
})

afterAll(async () => {
  await Promise.all(running.map((each) => each.kill()))
  await keys?.remove()
  await world?.close()
  if (previousFolder !== undefined) await rm(previousFolder, { recursive: true, force: true })
})

async function unpackPreviousRelease(): Promise<string> {
  const known = await bash(`git cat-file -e '${PREVIOUS_RELEASE}^{commit}'`)
  if (known.code !== 0) {
    throw new Error(
      `the previous release (commit ${PREVIOUS_RELEASE}) is not in this copy's history, so a deploy beside it cannot be tried: get the whole history (git fetch --unshallow)\n${known.stderr}`,
    )
  }
  const folder = await mkdtemp(join(tmpdir(), `kiemthe-previous-${process.pid}-`))
  await mkdir(join(folder, 'release'))
  const release = join(folder, 'release')
  const unpacked = await bash(
    `set -o pipefail; git archive ${PREVIOUS_RELEASE} src mocks drizzle package.json | tar -x -C '${release}'`,
  )
  if (unpacked.code !== 0) throw new Error(unpacked.stderr)
  await symlink(join(ROOT, 'node_modules'), join(release, 'node_modules'))
  return folder
}

async function serve(cli?: string): Promise<ServeProcess> {
  const started = await startServe({
    databaseUrl: world.appUrl,
    keysFolder: keys.path,
    port: await anyFreePort(),
    env: { SERVICE_ID },
    ...(cli === undefined ? {} : { cli }),
  })
  running.push(started)
  return started
}

test('a deploy would lose, repeat or refuse verifications while two releases answer from one database', async () => {
  const previous = await serve(join(previousFolder, 'release', 'src', 'cli.ts'))
  const present = await serve()
  // they are two: this one describes itself, that one could not
  expect((await fetch(`${previous.url}/openapi.json`)).status).toBe(404)
  expect((await fetch(`${present.url}/openapi.json`)).status).toBe(200)

  const token = await world.token('facility:38001')
  const loads = [
    { url: previous.url, load: new KeyedLoad(previous.url, DESKS, asksOf(people, 'previous'), () => token) },
    { url: present.url, load: new KeyedLoad(present.url, DESKS, asksOf(people, 'present'), () => token) },
  ]
  try {
    const fewest = () => Math.min(...loads.map(({ load }) => load.asked))
    await expect.poll(fewest, { timeout: 60_000 }).toBeGreaterThanOrEqual(ANSWERED_BY_EACH)
    await Promise.all(loads.map(({ load }) => load.stop()))

    for (const { load } of loads) expect([...load.unanswered.values()]).toEqual([])
    const both = { acknowledged: new Map(loads.flatMap(({ load }) => [...load.acknowledged])), unanswered: new Map() }
    const { recorded, ...verdict } = await judge(world.owner, world.dataKeys, both)
    const size = both.acknowledged.size
    const sound = { lost: 0, duplicated: 0, strangers: 0, wrongLeafHashes: 0, dense: true, size, entries: size }
    expect(verdict).toEqual(sound)
    expect(recorded.size).toBe(size)

    // at once, not one after the other: their entries take turns in the log
    const writers = [...both.acknowledged]
      .sort(([, a], [, b]) => a.receipt.index - b.receipt.index)
      .map(([key]) => key.split('-')[0])
    expect(writers.filter((writer, at) => at > 0 && writer !== writers[at - 1]).length).toBeGreaterThan(20)

    for (const [here, there] of [loads, loads.toReversed()]) {
      if (here === undefined || there === undefined) throw new Error('there are two')
      for (const { ask, receipt, text } of [...here.load.acknowledged.values()].slice(0, READ_ON_THE_OTHER)) {
        const { id } = JSON.parse(text) as { id: string }
        const read = await fetch(`${there.url}/v1/verifications/${id}`, {
          headers: { authorization: `Bearer ${token}` },
        })
        expect(read.status).toBe(200)
        expect(await read.json()).toMatchObject({ id, receipt })
        // a desk whose repetition meets the other release gets the answer it had
        expect(await there.load.send(ask)).toMatchObject({ answered: true, receipt })
      }
    }
    expect((await judge(world.owner, world.dataKeys, both)).entries).toBe(size)
  } finally {
    await Promise.all(loads.map(({ load }) => load.close()))
  }
  for (const each of running) expect(await each.terminate()).toBe(0)
}, 120_000)
