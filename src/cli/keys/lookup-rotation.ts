import { randomBytes } from 'node:crypto'
import { type DataKeysFile, LOOKUP_GENERATION_MAX, type LookupChain, lookupChainOf } from '../../data-keys.ts'
import { PICK_UP_MS, type Waiting } from './waiting.ts'

/** As with the other keys: the file is the whole story, each move one file replaced by another. */
export type LookupMove = 'add' | 'rename' | 'retire'

export function nextLookupMove(file: DataKeysFile): Waiting<LookupMove> {
  const { rotation } = lookupChainOf(file)
  if (rotation === undefined) return { move: 'add', dueMs: 0 }
  const dueMs = Date.parse(rotation.at) + PICK_UP_MS
  switch (rotation.step) {
    case 'added': // each process asks for both names
      return { move: 'rename', dueMs }
    case 'renamed': // nobody loads under the former name any more
      return { move: 'retire', dueMs }
  }
}

/** Null: all numbers are used up. */
export function addLookupKey(file: DataKeysFile, now: Date): DataKeysFile | null {
  const { current, generations } = lookupChainOf(file)
  if (current >= LOOKUP_GENERATION_MAX) return null
  const next = { ...generations, [current + 1]: randomBytes(32).toString('base64') }
  return withChain(file, { current, generations: next, rotation: { step: 'added', at: now.toISOString() } })
}

/** No row has the former name: the newest is what new rows are called by. The former is still asked for. */
export function noteRenamed(file: DataKeysFile, now: Date): DataKeysFile {
  const { generations } = lookupChainOf(file)
  const rotation = { step: 'renamed', at: now.toISOString() } as const
  return withChain(file, { current: newestLookup(file), generations, rotation })
}

/** One name again. No key leaves the file: each name is made of the one before. */
export function retireLookupName(file: DataKeysFile): DataKeysFile {
  const { current, generations } = lookupChainOf(file)
  return withChain(file, { current, generations })
}

export function newestLookup(file: DataKeysFile): number {
  return Object.keys(lookupChainOf(file).generations).length
}

function withChain(file: DataKeysFile, lookup: LookupChain): DataKeysFile {
  return { ...file, lookup }
}
