import { createHash } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import type { Manifest } from './manifest.ts'

/** Hands the bytes on; fails at their end when they are not those of the manifest. */
export async function* verified(
  manifest: Pick<Manifest, 'bytes' | 'sha256'>,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const part of source) {
    bytes += part.length
    if (bytes > manifest.bytes) throw differs('it is longer than its manifest says')
    hash.update(part)
    yield part
  }
  if (bytes !== manifest.bytes) throw differs('it is shorter than its manifest says')
  if (hash.digest('hex') !== manifest.sha256) throw differs('its SHA-256 is not that of its manifest')
}

export function differs(detail: string): ServiceError {
  return new ServiceError('feed_file_differs', { detail })
}
