import { Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { ServiceError } from '../errors.ts'
import type { Manifest } from './manifest.ts'
import { differs, verified } from './verified-bytes.ts'

/** A record takes 400 bytes; a line that never ends must not fill the memory. */
export const LINE_BYTES_MAX = 65_536

/** Whole lines of a data file, LF between and after them. */
export interface Lines {
  /** Of the first line, from 0. */
  readonly position: number
  readonly count: number
  readonly bytes: Buffer
}

/**
 * The lines of a data file, some at a time; memory holds one such part. The bytes are counted and hashed as they pass,
 * so only who came to the end without an error has read what was signed: nothing may be committed before.
 */
export async function* readLines(
  manifest: Pick<Manifest, 'encoding' | 'bytes' | 'sha256' | 'rows'>,
  source: AsyncIterable<Uint8Array>,
  linesMax: number,
): AsyncGenerator<Lines> {
  let position = 0
  for await (const lines of cutLines(decoded(manifest, verified(manifest, source)), linesMax)) {
    yield { position, ...lines }
    position += lines.count
    if (position > manifest.rows) break
  }
  if (position !== manifest.rows)
    throw differs(`it has ${position > manifest.rows ? 'more' : 'fewer'} rows than its manifest says`)
}

/** Each piece is a way to another thread and back: 16 KiB, Node's own, would be 80,000 of them a province. */
const UNPACKING = { chunkSize: 256 * 1024 }

async function* decoded(
  { encoding }: Pick<Manifest, 'encoding'>,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (encoding === 'plain') return yield* source
  const decoder = encoding === 'gzip' ? createGunzip(UNPACKING) : createZstdDecompress(UNPACKING)
  const from = Readable.from(source, { objectMode: false })
  from.on('error', (error) => decoder.destroy(error))
  from.pipe(decoder)
  try {
    yield* decoder
  } catch (error) {
    throw error instanceof ServiceError
      ? error
      : new ServiceError('feed_file_differs', { cause: error, detail: `it is not ${encoding}` })
  } finally {
    from.destroy()
    decoder.destroy()
  }
  // a decoder may stop before the end of its input: what follows was not hashed yet
  if (!from.readableEnded) throw differs(`bytes follow the end of the ${encoding} stream`)
}

const LF = 0x0a

async function* cutLines(
  source: AsyncIterable<Uint8Array>,
  linesMax: number,
): AsyncGenerator<{ readonly count: number; readonly bytes: Buffer }> {
  let waiting: Buffer[] = [] // whole lines, and the beginning of the next one
  let count = 0
  let tail = 0
  for await (const part of source) {
    const bytes = Buffer.from(part.buffer, part.byteOffset, part.length)
    let from = 0
    for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
      tail = 0
      if (++count < linesMax) continue
      waiting.push(bytes.subarray(from, at + 1))
      yield { count, bytes: Buffer.concat(waiting) }
      waiting = []
      count = 0
      from = at + 1
    }
    const last = bytes.lastIndexOf(LF)
    tail += last < 0 ? bytes.length : bytes.length - last - 1
    if (tail > LINE_BYTES_MAX) throw differs(`a line is longer than ${LINE_BYTES_MAX} bytes`)
    if (from < bytes.length) waiting.push(Buffer.from(bytes.subarray(from)))
  }
  if (tail > 0) count++
  if (count > 0) yield { count, bytes: Buffer.concat(waiting) }
}
