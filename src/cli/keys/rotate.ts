import { randomBytes } from 'node:crypto'
import type { z } from 'zod'
import { makeSigningKey, tokenKeysSchema } from '../../access/token-keys.ts'
import { appendBatch } from '../../audit/log.ts'
import { type DataKeysFile, dataKeysSchema, deriveDataKeys } from '../../data-keys.ts'
import type { Sql } from '../../db/connect.ts'
import { dropAliasIndex } from '../../db/rename.ts'
import { isLoadUnderWay } from '../../db/reseal.ts'
import { readSecret, writeSecret } from '../data-folder.ts'
import { operatorDeed } from '../operator-deed.ts'
import { UsageError } from '../usage-error.ts'
import {
  addLookupKey,
  type LookupMove,
  newestLookup,
  nextLookupMove,
  noteRenamed,
  retireLookupName,
} from './lookup-rotation.ts'
import { renameAll } from './rename.ts'
import { reseal, type Seam } from './reseal.ts'
import {
  addGeneration,
  nextSealMove,
  noteResealed,
  retireGenerations,
  type SealMove,
  useNewest,
} from './seal-rotation.ts'
import { addTokenKey, nextTokenMove, promoteTokenKey, retireTokenKeys, type TokenMove } from './token-rotation.ts'
import { type Clock, takeMoves } from './waiting.ts'

export interface Place {
  /** As the owner. */
  readonly sql: Sql
  readonly dataKeysFile: string
  readonly tokenKeysFile: string
  readonly clock: Clock
  readonly say: (line: string) => void
  /** Between two deeds that last. */
  readonly seam: Seam
}

/** A step is an entry of the log first, then a file. A kill in between leaves an entry whose step is taken, and told, again. */
export async function note(
  place: Place,
  key: 'token' | 'seal' | 'lookup' | 'checkpoint',
  step: string,
  id: string,
): Promise<void> {
  const keys = deriveDataKeys(await readKeys(place.dataKeysFile, dataKeysSchema))
  const [appended] = await appendBatch(place.sql, keys, [operatorDeed(keys, 'keyChange', null, { key, step, id }, {})])
  if (appended === undefined || appended instanceof Error) throw appended ?? new Error('one row was offered')
  place.seam(`${key} ${step} in the log`)
}

export async function replace(place: Place, path: string, file: unknown, told: string): Promise<void> {
  await writeSecret(path, file)
  place.say(told)
  place.seam(told)
}

/** Ends with one key: the new one. */
export function rotateToken(place: Place, wait: boolean): Promise<void> {
  const { clock, tokenKeysFile: path } = place
  const read = () => readKeys(path, tokenKeysSchema)
  const take = async (move: TokenMove) => {
    const file = await read()
    switch (move) {
      case 'add': {
        const key = await makeSigningKey(newKeyId())
        const added = valid(tokenKeysSchema, addTokenKey(file, key, clock.now()), path)
        await note(place, 'token', 'added', key.kid)
        await replace(place, path, added, `${key.kid} is accepted and published`)
        return 'more'
      }
      case 'promote': {
        const promoted = promoteTokenKey(file, clock.now())
        const kid = promoted.keys[0]?.kid ?? ''
        await note(place, 'token', 'signs', kid)
        await replace(place, path, promoted, `${kid} signs`)
        return 'more'
      }
      case 'retire': {
        const gone = file.keys.slice(1).map(({ kid }) => kid)
        await note(place, 'token', 'retired', gone.join(' '))
        await replace(place, path, retireTokenKeys(file), `${gone.join(', ')} is not accepted any more`)
        return 'done'
      }
    }
  }
  return takeMoves(clock, wait, async () => nextTokenMove(await read()), take)
}

/** After a theft: one move, and every token in force ends with it. */
export async function replaceTokenKeys(place: Place): Promise<void> {
  const key = await makeSigningKey(newKeyId())
  await readKeys(place.tokenKeysFile, tokenKeysSchema)
  await note(place, 'token', 'replaced', key.kid)
  await replace(place, place.tokenKeysFile, { keys: [key] }, `${key.kid} signs, no other key is accepted`)
}

/** Ends with one generation, when no row has another. */
export function rotateSeal(place: Place, wait: boolean): Promise<void> {
  const { clock, dataKeysFile: path, say } = place
  const read = () => readKeys(path, dataKeysSchema)
  const sealRows = async () => {
    await refuseBesideLoad(place.sql)
    const done = await reseal(place.sql, deriveDataKeys(await read()), `${path}.reseal`, place.seam)
    const lost = done.lost === 0 ? '' : `; ${done.lost} are under a key that no file holds any more, and stay`
    say(`${done.resealed} rows were sealed anew${lost}`)
    return done.resealed
  }
  const take = async (move: SealMove) => {
    const file = await read()
    switch (move) {
      case 'add': {
        const added = addGeneration(file, clock.now())
        if (added === null) throw new UsageError('all 255 generations are used up')
        const newest = Object.keys(added.seal.generations).at(-1) ?? ''
        await note(place, 'seal', 'added', newest)
        await replace(place, path, added, `generation ${newest} can be opened`)
        return 'more'
      }
      case 'use': {
        const used = useNewest(file, clock.now())
        await note(place, 'seal', 'seals', String(used.seal.current))
        await replace(place, path, used, `generation ${used.seal.current} seals what is new`)
        return 'more'
      }
      case 'reseal': {
        await sealRows()
        await replace(
          place,
          path,
          noteResealed(file, clock.now()),
          `no row has another generation than ${file.seal.current}`,
        )
        return 'more'
      }
      case 'retire': {
        // counted once more: somebody may have gone on with a former file
        if ((await sealRows()) > 0) {
          await replace(
            place,
            path,
            noteResealed(file, clock.now()),
            'some process seals under a former generation: look at their logs',
          )
          return 'more'
        }
        const { current } = file.seal
        const gone = Object.keys(file.seal.generations).filter((generation) => generation !== String(current))
        await note(place, 'seal', 'retired', gone.join(' '))
        // older backups of the database open only with these
        const kept = `${path}.before-${current}`
        await writeSecret(kept, file)
        await replace(
          place,
          path,
          retireGenerations(file),
          `generation ${gone.join(', ')} is retired; the former file is ${kept}: put it to the backups of its time`,
        )
        return 'done'
      }
    }
  }
  return takeMoves(clock, wait, async () => nextSealMove(await read()), take)
}

function newKeyId(): string {
  return `token-${randomBytes(4).toString('hex')}`
}

/** Ends with one name of each person: that under the newest generation of the chain. */
export function rotateLookup(place: Place, wait: boolean): Promise<void> {
  const { clock, dataKeysFile: path, say } = place
  const read = () => readKeys(path, dataKeysSchema)
  const renameRows = async (file: DataKeysFile) => {
    const renamed = await renameAll(place.sql, deriveDataKeys(file), place.seam)
    say(`${renamed} rows were renamed`)
    return renamed
  }
  const take = async (move: LookupMove) => {
    await refuseBesideLoad(place.sql)
    const file = await read()
    const newest = newestLookup(file)
    switch (move) {
      case 'add': {
        const added = addLookupKey(file, clock.now())
        if (added === null) throw new UsageError('all generations are used up')
        await note(place, 'lookup', 'added', String(newest + 1))
        await replace(place, path, added, `every number is looked up by its name under generation ${newest + 1} too`)
        return 'more'
      }
      case 'rename': {
        await renameRows(file)
        await note(place, 'lookup', 'renamed', String(newest))
        await replace(place, path, noteRenamed(file, clock.now()), `no row has another name than under ${newest}`)
        return 'more'
      }
      case 'retire': {
        // looked through once more: somebody may have gone on with a former file
        if ((await renameRows(file)) > 0) {
          const told = 'some process writes rows under a former name: look at their logs'
          await replace(place, path, noteRenamed(file, clock.now()), told)
          return 'more'
        }
        await dropAliasIndex(place.sql)
        place.seam('index dropped')
        await note(place, 'lookup', 'retired', String(newest - 1))
        // it asks for both names: older backups of the database are served by it
        const kept = `${path}.before-lookup-${newest}`
        await writeSecret(kept, file)
        const told = `the name under generation ${newest - 1} is not asked for any more; the former file is ${kept}`
        await replace(place, path, retireLookupName(file), `${told}: put it to the backups of its time`)
        return 'done'
      }
    }
  }
  return takeMoves(clock, wait, async () => nextLookupMove(await read()), take)
}

/** A loader keeps the keys it began with. */
async function refuseBesideLoad(sql: Sql): Promise<void> {
  if (await isLoadUnderWay(sql)) throw new UsageError('a load is under way: let it finish, then run this again')
}

export async function readKeys<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  const file = await readSecret(path, schema)
  if (file === null) throw new UsageError(`there is no file ${path}`)
  return file
}

function valid<T>(schema: z.ZodType<T>, file: T, path: string): T {
  const parsed = schema.safeParse(file)
  if (!parsed.success) throw new UsageError(`${path} has no room for another key: let the rotation under way finish`)
  return parsed.data
}
