import { randomBytes } from 'node:crypto'
import type { DataKeysFile } from '../../data-keys.ts'
import { PICK_UP_MS, type Waiting } from './waiting.ts'

/** As with token keys: the file is the whole story, each move one file replaced by another. */
export type SealMove = 'add' | 'use' | 'reseal' | 'retire'

/** One byte of each sealed row tells its generation. */
const GENERATION_MAX = 255

export function nextSealMove({ seal: { rotation } }: DataKeysFile): Waiting<SealMove> {
  if (rotation === undefined) return { move: 'add', dueMs: 0 }
  const dueMs = Date.parse(rotation.at) + PICK_UP_MS
  switch (rotation.step) {
    case 'added': // each process can open what the first one will seal
      return { move: 'use', dueMs }
    case 'seals': // nobody seals under the former generation any more
      return { move: 'reseal', dueMs }
    case 'resealed': // whoever read a row before it was sealed anew has answered long ago
      return { move: 'retire', dueMs }
  }
}

/** Null: all numbers are used up; with one rotation a year that is in 2280. */
export function addGeneration({ seal, ...rest }: DataKeysFile, now: Date): DataKeysFile | null {
  const generation = Math.max(...Object.keys(seal.generations).map(Number)) + 1
  if (generation > GENERATION_MAX) return null
  const generations = { ...seal.generations, [generation]: randomBytes(32).toString('base64') }
  return { ...rest, seal: { ...seal, generations, rotation: { step: 'added', at: now.toISOString() } } }
}

/** New rows are sealed under the newest; the former ones stay readable. */
export function useNewest({ seal, ...rest }: DataKeysFile, now: Date): DataKeysFile {
  const current = Math.max(...Object.keys(seal.generations).map(Number))
  return { ...rest, seal: { ...seal, current, rotation: { step: 'seals', at: now.toISOString() } } }
}

export function noteResealed({ seal, ...rest }: DataKeysFile, now: Date): DataKeysFile {
  return { ...rest, seal: { ...seal, rotation: { step: 'resealed', at: now.toISOString() } } }
}

export function retireGenerations({ seal: { current, generations }, ...rest }: DataKeysFile): DataKeysFile {
  const kept = generations[current]
  if (kept === undefined) throw new TypeError('the current generation has no key')
  return { ...rest, seal: { current, generations: { [current]: kept } } }
}
