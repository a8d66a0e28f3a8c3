import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readCheckpoint } from '../audit/checkpoint.ts'
import { type NoteVerifier, openNote } from '../audit/signed-note.ts'
import { originHash } from '../audit/witness/client.ts'
import type { Memory } from '../audit/witness/witness.ts'
import { writeWhole } from './data-folder.ts'
import { systemCode } from './embedded/error.ts'

/**
 * A file a log: the note that was cosigned last. One that is there and cannot be read as such is an error and no new
 * start: a witness that forgets cosigns a fork.
 */
export async function openMemory(folder: string, logs: readonly NoteVerifier[]): Promise<Memory> {
  const notes = new Map<string, string>()
  const pathOf = (origin: string) => join(folder, `${originHash(origin)}.checkpoint`)
  for (const origin of new Set(logs.map((each) => each.name))) {
    const note = await textOf(pathOf(origin))
    if (note === null) continue
    const keys = logs.filter((each) => each.name === origin)
    if (readCheckpoint(openNote(note, keys)?.text ?? '')?.origin !== origin)
      throw new Error(`${pathOf(origin)} is not a checkpoint of ${origin} under a key that is known`)
    notes.set(origin, note)
  }
  return {
    latest: (origin) => notes.get(origin) ?? null,
    remember: async (origin, note) => {
      await writeWhole(pathOf(origin), note)
      notes.set(origin, note) // after the disk: what failed was not cosigned
    },
  }
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}
