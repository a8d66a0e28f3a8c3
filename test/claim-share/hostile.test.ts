import { Worker } from 'node:worker_threads'
import { afterAll, expect, test } from 'vitest'
import { HOSTILE, type HostileOutcome } from '../support/hostile-dossier.ts'

/** Of the thread that reads it, beside the file itself and its text: a facility's file may not take a server's memory. */
const HEAP_MB = 96

const script = new URL('../support/hostile-dossier.ts', import.meta.url)
let worker: Worker | null = null

afterAll(() => worker?.terminate())

function outcomeOf(name: string): Promise<HostileOutcome> {
  const thread = worker ?? new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } })
  worker = thread
  thread.removeAllListeners()
  return new Promise((resolve, reject) => {
    const gone = (error: unknown) => {
      worker = null // the next file has a thread of its own
      reject(error)
    }
    thread.once('message', resolve)
    thread.once('error', gone) // ERR_WORKER_OUT_OF_MEMORY
    thread.once('exit', () => gone(new Error('the thread is gone')))
    thread.postMessage(name)
  })
}

const ENDS: Readonly<Record<keyof typeof HOSTILE, RegExp>> = {
  'elements in elements of a table': /XML1: nested too deep/,
  'elements beside elements of a table': /XML1: more than 200000 elements/,
  attributes: /more than 200000 elements/,
  'one text': /^taken/,
  'references to characters': /^taken/,
  comments: /^taken/,
  files: /FILEHOSO: more than 64$/,
  'entities of entities': /XML1: a DOCTYPE/,
  'a signature of many references': /more than 200000 elements/,
}

test('a hostile file would have no end that is expected of it', () => {
  expect(Object.keys(ENDS)).toEqual(Object.keys(HOSTILE))
})

test.each(Object.entries(ENDS))('8 MiB of %s would take all memory, or let nobody else run', async (name, end) => {
  const { outcome, turns } = await outcomeOf(name)
  expect(outcome).toMatch(end)
  // 32 KiB between two turns: one that is read to its end is 200 of them at the least
  if (outcome.startsWith('taken')) expect(turns).toBeGreaterThan(180)
})
