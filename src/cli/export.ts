import { createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { checkpointIn, type ExportHeader } from '../audit/fsck/export.ts'
import type { FsckSource } from '../audit/fsck/source.ts'
import { databaseSource } from '../audit/fsck/store.ts'
import { readLogs } from '../audit/succession/store.ts'
import { TILE_WIDTH, tileWidth } from '../audit/tile.ts'
import { connect } from '../db/connect.ts'
import { readArguments } from './arguments.ts'
import { DATA_FOLDER, dataFolder } from './data-folder.ts'
import { ownerUrlOf } from './owner-url.ts'
import { createProgress } from './progress.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 'export FILE [--log N] [--data DIR]'
/** Entries of one statement, some 2 MB. */
const PAGE = 8_192

/**
 * `kiemthe export FILE`: all bodies of the log in force, or of another one (`--log`), and its checkpoint, for whoever checks it elsewhere (`kiemthe fsck
 * --export`); beside it, in `FILE.hashes`, the leaf hashes that it was signed over. Written aside and renamed: a file of
 * that name is whole.
 */
export async function exportLog(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(
    args,
    { data: { type: 'string', default: DATA_FOLDER }, log: { type: 'string' } },
    true,
  )
  const [path, ...more] = positionals
  if (path === undefined || more.length > 0) throw new UsageError(USAGE)
  const sql = connect(await ownerUrlOf(dataFolder(values.data)), {
    connectionsMax: 1,
    statementTimeoutMs: 0,
    applicationName: 'kiemthe export',
  })
  try {
    const logs = await readLogs(sql)
    const log = values.log === undefined ? logs.at(-1) : logs.find(({ logId }) => String(logId) === values.log)
    if (log === undefined) throw new UsageError(USAGE)
    const source = await databaseSource(sql, log.logId, false)
    await writeAside(`${path}.hashes`, hashesOf(source))
    await writeAside(path, linesOf(log.logId, source))
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function writeAside(path: string, parts: AsyncIterable<string | Uint8Array>): Promise<void> {
  await pipeline(Readable.from(parts), createWriteStream(`${path}.part`, { flush: true }))
  await rename(`${path}.part`, path)
}

/** The leaf hashes that the checkpoint was signed over, out of the tiles. */
async function* hashesOf(source: FsckSource): AsyncGenerator<Uint8Array> {
  const size = checkpointIn(source.end.checkpoint)?.size ?? 0
  for (let from = 0; from < size; from += PAGE) {
    const indexes = Array.from({ length: PAGE / TILE_WIDTH }, (_, i) => from / TILE_WIDTH + i)
    const tiles = indexes.map((index) => ({ level: 0, index, width: tileWidth(0, index, size) }))
    for (const bytes of await source.tiles(tiles.filter(({ width }) => width > 0))) {
      if (bytes === null) throw new UsageError('tiles are missing: see kiemthe fsck')
      yield bytes
    }
  }
}

async function* linesOf(logId: number, source: FsckSource): AsyncGenerator<string> {
  const { origin, size, checkpoint } = source.end
  const progress = createProgress({ label: 'writing', total: size, unit: 'entries' })
  yield `${JSON.stringify({ v: 1, log: logId, origin, size, checkpoint } satisfies ExportHeader)}\n`
  for (let from = 0; from < size; from += PAGE) {
    const { bodies, indexes } = await source.page(from, Math.min(size, from + PAGE))
    if (indexes !== null) throw new UsageError('entries are missing: see kiemthe fsck')
    yield `${bodies.join('\n')}\n`
    progress.update(Math.min(size, from + PAGE))
  }
  progress.finish()
}
