import type { TokenKeysFile } from '../../access/token-keys.ts'
import { type DataKeysFile, lookupChainOf } from '../../data-keys.ts'
import type { SealKeysFile } from '../data-folder.ts'
import { nextCheckpointMove } from './checkpoint-rotation.ts'
import { nextLookupMove } from './lookup-rotation.ts'
import { nextSealMove } from './seal-rotation.ts'
import { nextTokenMove } from './token-rotation.ts'

/** What each key is there for, and nothing of the keys; null: there is no such file. */
export function describeKeys(
  token: TokenKeysFile | null,
  data: DataKeysFile | null,
  checkpoint: SealKeysFile | null,
): string {
  const lines: string[] = []
  for (const [n, { kid }] of (token?.keys ?? []).entries()) {
    lines.push(`token   ${kid}   ${n === 0 ? 'signs' : 'accepted'}`)
  }
  if (token?.rotation !== undefined) lines.push(under('token', nextTokenMove(token)))
  if (data !== null) {
    for (const generation of Object.keys(data.seal.generations)) {
      const use = Number(generation) === data.seal.current ? 'seals' : 'opens'
      lines.push(`seal    generation ${generation}   ${use}`)
    }
    if (data.seal.rotation !== undefined) lines.push(under('seal', nextSealMove(data)))
    const { current, generations, rotation } = lookupChainOf(data)
    for (const generation of Object.keys(generations)) {
      const use = Number(generation) === current ? 'names' : Number(generation) < current ? 'leads to it' : 'added'
      lines.push(`lookup  generation ${generation}   ${use}`)
    }
    if (rotation !== undefined) lines.push(under('lookup', nextLookupMove(data)))
    lines.push('log     one key   is not rotated')
  }
  if (checkpoint !== null) {
    lines.push(`checkpoint  ${checkpoint.former === undefined ? 'one key   signs' : 'two keys   both sign'}`)
    if (checkpoint.former !== undefined) lines.push(under('checkpoint', nextCheckpointMove(checkpoint)))
  }
  return lines.map((line) => `${line}\n`).join('')
}

function under(key: string, next: { readonly move: string; readonly dueMs: number }): string {
  return `${key.padEnd(7)} a rotation is under way; next: ${next.move}, at ${new Date(next.dueMs).toISOString()} or later`
}
