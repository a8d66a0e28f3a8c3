import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip, createZstdCompress } from 'node:zlib'
import { CompactSign, importJWK } from 'jose'
import { z } from 'zod'

/** A private key of the client `feed:<feed>`, as the demo's `clients.json` holds it. */
export const feedKeySchema = z.strictObject({
  kid: z.string(),
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  d: z.string(),
})

export type FeedKey = z.infer<typeof feedKeySchema>

export interface FeedFile {
  readonly feed: string
  readonly sequence: number
  readonly kind: 'full' | 'delta'
  readonly encoding: 'plain' | 'gzip' | 'zstd'
  readonly asOf: Date
  readonly created: Date
}

/**
 * A data file and its manifest, as `src/sync/README.md` tells the insurer to make them; none of the reader's code is
 * used. Returns the path of the manifest. `lines` may be millions: they stream.
 */
export async function writeFeedFile(
  folder: string,
  key: FeedKey,
  of: FeedFile,
  lines: Iterable<unknown> | AsyncIterable<unknown>,
): Promise<{ readonly manifest: string; readonly path: string; readonly rows: number }> {
  const suffix = of.encoding === 'plain' ? '' : of.encoding === 'gzip' ? '.gz' : '.zst'
  const name = `${of.feed}-${String(of.sequence).padStart(8, '0')}-${of.kind}`
  const file = `${name}.ndjson${suffix}`
  let rows = 0
  const written = (async function* () {
    let part: string[] = []
    for await (const line of lines) {
      rows++
      part.push(typeof line === 'string' ? line : JSON.stringify(line))
      if (part.length < 500) continue
      yield `${part.join('\n')}\n`
      part = []
    }
    if (part.length > 0) yield `${part.join('\n')}\n`
  })()
  const hash = createHash('sha256')
  let bytes = 0
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      hash.update(chunk)
      done(null, chunk)
    },
  })
  const to = createWriteStream(join(folder, file))
  const from = Readable.from(written, { objectMode: false })
  if (of.encoding === 'plain') await pipeline(from, count, to)
  else await pipeline(from, of.encoding === 'gzip' ? createGzip({ level: 1 }) : createZstdCompress(), count, to)
  const manifest = await signManifest(key, {
    v: 1,
    feed: of.feed,
    sequence: of.sequence,
    kind: of.kind,
    previous: of.kind === 'full' ? null : of.sequence - 1,
    rows,
    file,
    encoding: of.encoding,
    bytes,
    sha256: hash.digest('hex'),
    created: of.created.toISOString(),
    asOf: of.asOf.toISOString(),
  })
  const path = join(folder, `${name}.jws`)
  await writeFile(path, `${manifest}\n`)
  return { manifest, path, rows }
}

export async function signManifest(key: FeedKey, payload: Readonly<Record<string, unknown>>): Promise<string> {
  const { kid, ...jwk } = key
  return new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'kiemthe-feed+jws' })
    .sign(await importJWK({ ...jwk }, 'EdDSA'))
}
