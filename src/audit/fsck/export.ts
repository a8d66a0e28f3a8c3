import { z } from 'zod'
import type { FsckEnd, FsckSource } from './source.ts'

/**
 * A log as a file of text, for whoever is to check it without our database: a line that says what it is, then the bodies,
 * one a line, in order. A body is one line of JSON: it holds no line break. No details, so nothing personal.
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

/** The same from such a file. Pages are asked for in order: lines are read once. */
export function exportSource(header: ExportHeader, lines: AsyncIterator<string>): FsckSource {
  const end: FsckEnd = {
    origin: header.origin,
    size: header.size,
    treeSize: 0,
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
    tiles: async () => [],
  }
}
