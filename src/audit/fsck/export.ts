import { z } from 'zod'
import { type Checkpoint, readCheckpoint } from '../checkpoint.ts'
import { HASH_BYTES } from '../merkle.ts'
import { readNote } from '../signed-note.ts'
import { TILE_WIDTH, type Tile } from '../tile.ts'
import { begunTiles, grow } from '../tree/grow.ts'
import { rootAt } from '../tree/prove.ts'
import type { FsckEnd, FsckSource } from './source.ts'

/**
 * A log as a file of text, for whoever is to check it without our database: a line that says what it is, then the bodies,
 * one a line, in order. A body is one line of JSON: it holds no line break. No details, so nothing personal. Beside it, in
 * a file of that name and `.hashes`, the leaf hashes of its checkpoint, 32 bytes each: they tell which entry was changed.
 */
export const exportHeaderSchema = z.strictObject({
  v: z.literal(1),
  log: z.int().min(0),
  origin: z.string().min(1).max(256),
  size: z.int().min(0),
  /** As it was published. */
  checkpoint: z
    .string()
    .max(512 * 1024)
    .nullable(),
})

export type ExportHeader = z.infer<typeof exportHeaderSchema>

/** Longer than any body of ours (some 500 bytes), shorter than what fills a memory. */
export const LINE_CHARS_MAX = 64 * 1024

/** Hashes of `from` to `to` out of the file beside an export; fewer where it ends. */
export type ReadHashes = (from: number, to: number) => Promise<Uint8Array>

/** What a checkpoint was signed over: its leaf hashes, and the tiles above them. */
export interface SealedTree {
  readonly size: number
  readonly tiles: FsckSource['tiles']
}

/** 32 whole tiles. */
const BATCH = 8_192

/**
 * The leaf hashes beside an export, when they are those of that checkpoint: their root says so, whoever wrote the file. Null
 * when they are others. What is kept are the tiles above, an eighth of a byte an entry.
 */
export async function sealedTree(read: ReadHashes, checkpoint: Checkpoint): Promise<SealedTree | null> {
  const { size, root } = checkpoint
  const above = new Map<string, Uint8Array>()
  let begun = new Map<number, Uint8Array>()
  for (let from = 0; from < size; from += BATCH) {
    const to = Math.min(size, from + BATCH)
    const bytes = await read(from, to)
    if (bytes.length !== (to - from) * HASH_BYTES) return null
    const hashes = Array.from({ length: to - from }, (_, i) => bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES))
    const grown = grow(from, begun, hashes)
    for (const { level, index, hashes: of } of grown) if (level > 0) above.set(`${level}/${index}`, of)
    const held = (level: number, index: number) =>
      grown.find((tile) => tile.level === level && tile.index === index)?.hashes ?? above.get(`${level}/${index}`)
    begun = new Map(begunTiles(to).map(({ level, index }) => [level, held(level, index) ?? new Uint8Array()]))
  }
  const bytesOf = async ({ level, index, width }: Tile) => {
    const first = index * TILE_WIDTH
    const bytes = level === 0 ? await read(first, first + width) : above.get(`${level}/${index}`)
    return new Uint8Array(bytes?.subarray(0, width * HASH_BYTES) ?? [])
  }
  const tiles = (of: readonly Tile[]) => Promise.all(of.map(bytesOf))
  return (await rootAt(tiles, size)).equals(root) ? { size, tiles } : null
}

/** The checkpoint that a note says to be; whether it is signed is looked at later. */
export function checkpointIn(note: string | null): Checkpoint | null {
  return note === null ? null : readCheckpoint(readNote(note)?.text ?? '')
}

/** The same from such a file. Pages are asked for in order: lines are read once. `sealed`: else no entry is named by itself. */
export function exportSource(
  header: ExportHeader,
  lines: AsyncIterator<string>,
  sealed: SealedTree | null = null,
): FsckSource {
  const end: FsckEnd = {
    origin: header.origin,
    size: header.size,
    treeSize: sealed?.size ?? 0,
    checkpoint: header.checkpoint,
    beyond: [],
    detailsOfNothing: [],
  }
  let at = 0
  return {
    end,
    page: async (from, to) => {
      if (from !== at) throw new RangeError('pages of an export are read in order')
      const bodies: string[] = []
      while (at < to) {
        const next = await lines.next()
        if (next.done === true || next.value.length > LINE_CHARS_MAX) break
        bodies.push(next.value)
        at++
      }
      const whole = bodies.length === to - from
      at = to
      return { bodies, indexes: whole ? null : bodies.map((_, i) => from + i), leafHashes: null, details: null }
    },
    tiles: sealed?.tiles ?? (async () => []),
  }
}
