import type { DataKeys } from '../../data-keys.ts'
import type { Query } from '../../db/pool.ts'
import { openBytes, seal } from '../../seal.ts'
import { readPart, savePart } from './store.ts'

/** 32 MiB in 32 statements of 1.4 MB of base64: none of them takes long, and memory holds one part. */
export const PART_BYTES = 1024 * 1024

export async function saveParts(
  query: Query,
  keys: DataKeys,
  upload: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<void> {
  let part = 0
  let waiting: Uint8Array[] = []
  let size = 0
  const flush = async () => {
    const sealed = seal(keys, 'feed_inbox_part', `${upload}/${part}`, Buffer.concat(waiting))
    await query((sql) => savePart(sql, upload, part, sealed))
    part++
    waiting = []
    size = 0
  }
  for await (const each of bytes) {
    for (let at = 0; at < each.length; ) {
      const piece = each.subarray(at, at + PART_BYTES - size)
      waiting.push(piece)
      size += piece.length
      at += piece.length
      if (size === PART_BYTES) await flush()
    }
  }
  if (size > 0) await flush()
}

export async function* readParts(query: Query, keys: DataKeys, upload: string): AsyncGenerator<Uint8Array> {
  for (let part = 0; ; part++) {
    const sealed = await query((sql) => readPart(sql, upload, part))
    if (sealed === null) return
    yield openBytes(keys, 'feed_inbox_part', `${upload}/${part}`, sealed)
  }
}
