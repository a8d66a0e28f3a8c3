import { readLogInForce } from '../../audit/seal/store.ts'
import { makeSealKey, type SealKeyFile, type SealKeysFile, sealKeysSchema } from '../data-folder.ts'
import { publicTextOf, readSealKeys, sealKeyOfFile } from '../seal-keys.ts'
import { note, type Place, readKeys, replace } from './rotate.ts'
import { takeMoves, type Waiting } from './waiting.ts'

/** So long both keys sign: whoever runs a witness, or keeps a key to verify by, has a working week to take the new one. */
export const OVERLAP_MS = 7 * 86_400_000

/** As with the other keys: the file is the whole story, each move one file replaced by another. */
export type CheckpointMove = 'add' | 'retire'

export function nextCheckpointMove({ former }: SealKeysFile): Waiting<CheckpointMove> {
  return former === undefined
    ? { move: 'add', dueMs: 0 }
    : { move: 'retire', dueMs: Date.parse(former.at) + OVERLAP_MS }
}

export function addCheckpointKey({ privateKey }: SealKeysFile, key: SealKeyFile, now: Date): SealKeysFile {
  return { ...key, former: { privateKey, at: now.toISOString() } }
}

/**
 * Ends with one key that signs checkpoints: the new one. The entry of the first step names its public half, so whoever has the
 * former proves by a checkpoint of it which key follows.
 */
export function rotateCheckpoint(place: Place, path: string, wait: boolean): Promise<void> {
  const { clock, sql } = place
  const read = () => readKeys(path, sealKeysSchema)
  const take = async (move: CheckpointMove) => {
    const file = await read()
    const log = await readLogInForce(sql)
    switch (move) {
      case 'add': {
        const key = makeSealKey()
        const text = publicTextOf(sealKeyOfFile(key, log), log)
        await note(place, 'checkpoint', 'added', text)
        await replace(place, path, addCheckpointKey(file, key, clock.now()), `both sign; the new one is ${text}`)
        return 'more'
      }
      case 'retire': {
        const { former } = await readSealKeys(path, log)
        await note(place, 'checkpoint', 'retired', former === null ? '' : publicTextOf(former, log))
        await replace(place, path, { privateKey: file.privateKey } satisfies SealKeysFile, 'the former signs no more')
        return 'done'
      }
    }
  }
  return takeMoves(clock, wait, async () => nextCheckpointMove(await read()), take)
}
