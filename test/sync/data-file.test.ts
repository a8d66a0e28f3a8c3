import { createHash } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LINE_BYTES_MAX, type Lines, readLines } from '../../src/sync/data-file.ts'

type Encoding = 'plain' | 'gzip' | 'zstd'

const encode = (encoding: Encoding, bytes: Buffer): Buffer =>
  encoding === 'plain' ? bytes : encoding === 'gzip' ? gzipSync(bytes) : zstdCompressSync(bytes)

function described(encoding: Encoding, file: Buffer, rows: number) {
  return { encoding, bytes: file.length, sha256: createHash('sha256').update(file).digest('hex'), rows }
}

async function* inParts(file: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < file.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    yield file.subarray(at, at + size)
    at += size
  }
}

async function collect(lines: AsyncGenerator<Lines>): Promise<Lines[]> {
  const all: Lines[] = []
  for await (const each of lines) all.push(each)
  return all
}

const textOf = (parts: readonly Lines[]) => Buffer.concat(parts.map((each) => each.bytes)).toString()

describe('lines of a data file', () => {
  test('are those that were written, however they arrive and whatever they are packed in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => text.replaceAll('\n', ' ')),
          { minLength: 1, maxLength: 40 },
        ),
        fc.constantFrom<Encoding>('plain', 'gzip', 'zstd'),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 9 }),
        async (lines, encoding, closed, sizes, linesMax) => {
          const plain = lines.join('\n') + (closed || lines.at(-1) === '' ? '\n' : '')
          const file = encode(encoding, Buffer.from(plain))
          const parts = await collect(
            readLines(described(encoding, file, lines.length), inParts(file, sizes), linesMax),
          )
          expect(textOf(parts)).toBe(plain)
          expect(parts.map((each) => each.position)).toEqual(parts.map((_, i) => i * linesMax))
          expect(parts.every((each) => each.count <= linesMax)).toBe(true)
          expect(parts.reduce((sum, each) => sum + each.count, 0)).toBe(lines.length)
        },
      ),
      { seed: 41, numRuns: 200 },
    )
  })

  test.each<Encoding>(['plain', 'gzip', 'zstd'])(
    'of a %s file that is not the signed one end in a refusal',
    async (encoding) => {
      const file = encode(encoding, Buffer.from('{"a":1}\n{"a":2}\n{"a":3}\n'))
      const signed = described(encoding, file, 3)
      const refused = async (what: string, bytes: Buffer, of = signed) =>
        expect(collect(readLines(of, inParts(bytes, [5]), 2)), what).rejects.toMatchObject({
          code: 'feed_file_differs',
        })
      for (let cut = 0; cut < file.length; cut++) await refused(`cut at ${cut}`, file.subarray(0, cut))
      for (let at = 0; at < file.length; at++) {
        const flipped = Buffer.from(file)
        flipped[at] = (flipped[at] ?? 0) ^ 1
        await refused(`a bit of byte ${at}`, flipped)
      }
      await refused('a byte more', Buffer.concat([file, Buffer.from('\n')]))
      await refused('fewer rows', file, { ...signed, rows: 4 })
      await refused('more rows', file, { ...signed, rows: 2 })
    },
  )

  test('bytes behind the end of a packed stream are refused though they are signed', async () => {
    const file = Buffer.concat([gzipSync('{}\n'), Buffer.from('not gzip')])
    await expect(collect(readLines(described('gzip', file, 1), inParts(file, [4]), 2))).rejects.toMatchObject({
      code: 'feed_file_differs',
    })
  })

  test('a line that never ends is refused before it fills the memory', async () => {
    const file = Buffer.alloc(200 * LINE_BYTES_MAX, 'a')
    let read = 0
    const source = (async function* () {
      for await (const part of inParts(file, [4096])) {
        read += part.length
        yield part
      }
    })()
    await expect(collect(readLines(described('plain', file, 1), source, 10))).rejects.toMatchObject({
      code: 'feed_file_differs',
    })
    expect(read).toBeLessThan(2 * LINE_BYTES_MAX)
  })
})
