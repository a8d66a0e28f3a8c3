import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openNote, readVerifierKey } from '../../src/audit/signed-note.ts'
import { originHash } from '../../src/audit/witness/client.ts'
import { cosignatureVerifier } from '../../src/audit/witness/cosignature.ts'
import { type Command, kiemthe, newDataFolder, removeDataFolder, startKiemthe } from '../support/kiemthe.ts'
import { entries, logKey, signedLog } from '../support/signed-log.ts'

const log = logKey('log.example/1')
const SIZE = 400
const honest = signedLog(log, entries(SIZE))

let folder: string
let running: Command | null = null

beforeAll(async () => {
  folder = await newDataFolder()
})
afterEach(async () => {
  await running?.end('SIGKILL')
})
afterAll(() => removeDataFolder(folder))

const environment = (more: Record<string, string> = {}) => ({
  WITNESS_NAME: 'witness.example/1',
  WITNESS_FOLDER: join(folder, 'witness'),
  WITNESS_LOGS: log.text,
  PORT: '0',
  LOG_LEVEL: 'warn',
  ...more,
})

async function start(): Promise<{ url: string; key: string }> {
  running = startKiemthe(['witness'], environment())
  await running.until(/^ready http/m)
  const [, key = ''] = /^witness (.+)$/m.exec(running.stdout()) ?? []
  const [, url = ''] = /^ready (.+)$/m.exec(running.stdout()) ?? []
  return { url, key }
}

const add = (url: string, body: string) => fetch(`${url}/add-checkpoint`, { method: 'POST', body })

test('killed at any moment it never forgets what it cosigned', async () => {
  const keys = new Set<string>()
  let cosigned = 0 // the largest size whose cosignature we hold
  for (const killAfterMs of [10, 35, 60]) {
    const { url, key } = await start()
    keys.add(key)
    const verifier = cosignatureVerifier('witness.example/1', readVerifierKey(key)?.publicKey ?? new Uint8Array())
    const told = await add(url, honest.body(SIZE, SIZE)) // it is never there: it tells where it is
    expect(told.status).toBe(409)
    const known = Number(await told.text())
    expect(known).toBeGreaterThanOrEqual(cosigned)
    if (known > 0) {
      const forked = signedLog(log, entries(SIZE, known - 1))
      expect((await add(url, forked.body(known, known))).status).toBe(409)
      expect((await add(url, forked.body(known, known + 1))).status).toBe(422)
      const shown = await (await fetch(`${url}/${originHash(log.origin)}/checkpoint`)).text()
      expect(openNote(shown, [log.verifier, verifier])?.by).toHaveLength(2)
    }
    const killed = new Promise((resolve) => setTimeout(resolve, killAfterMs)).then(() => running?.end('SIGKILL'))
    for (let size = known; size < SIZE - 1; ) {
      const reply = await add(url, honest.body(size, size + 1))
        .then(async (it) => (it.ok ? it.text() : null))
        .catch(() => null)
      if (reply === null) break
      expect(openNote(honest.note(++size) + reply, [verifier])).not.toBeNull()
      cosigned = size
    }
    await killed
  }
  expect(cosigned).toBeGreaterThan(0)
  expect(keys.size).toBe(1)
})

test('two do not share one memory', async () => {
  await start()
  const { code, stderr } = await kiemthe(['witness'], environment())
  expect(code).not.toBe(0)
  expect(stderr).toContain('another witness works in')
})

test('a memory that cannot be read is no new start', async () => {
  const path = join(folder, 'witness', `${originHash(log.origin)}.checkpoint`)
  await writeFile(path, signedLog(logKey('log.example/1'), entries(3)).note(3))
  const { code, stderr } = await kiemthe(['witness'], environment())
  expect(code).not.toBe(0)
  expect(stderr).toContain('is not a checkpoint of log.example/1')
})

test('what it is told wrongly is named', async () => {
  const { code, stderr } = await kiemthe(['witness'], environment({ WITNESS_LOGS: 'x', WITNESS_NAME: 'a b' }))
  expect(code).not.toBe(0)
  expect(stderr).toContain('WITNESS_NAME: is not the name of a key')
})
