import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import postgres, { type Sql } from 'postgres'
import { dataFolder } from '../src/cli/data-folder.ts'
import { ownerUrlOf } from '../src/cli/owner-url.ts'
import { closedLoop } from './closed-loop.ts'
import { demoCalls, type Started, startDemo } from './demo-server.ts'

/**
 * What a newcomer waits for: the first start with a whole province, a later one, the memory it took, and how the load
 * compares with a plain COPY FROM STDIN of the same rows into the same tables on the same server.
 */
export async function firstStart(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { cards: { type: 'string', default: '3256000' }, port: { type: 'string', default: '8791' } },
  })
  const port = Number(values.port)
  const data = await mkdtemp(join(tmpdir(), 'kiemthe-first-start-'))
  let running: Started | null = null
  try {
    running = await startDemo(data, port, ['--cards', values.cards])
    say(
      `first start to ready: ${running.startSeconds.toFixed(1)} s, peak memory ${await peakMegabytes(running)} MB without PostgreSQL`,
    )
    await running.stop()
    running = await startDemo(data, port)
    say(`later start to ready: ${running.startSeconds.toFixed(1)} s`)
    const sql = postgres(await ownerUrlOf(dataFolder(data)), { max: 1, onnotice: () => {} })
    try {
      await compareWithCopy(sql)
      await footprint(sql, running, data)
    } finally {
      await sql.end({ timeout: 5 })
    }
  } finally {
    await running?.stop()
    await rm(data, { recursive: true, force: true })
  }
}

/** High-water marks of the process that loads and of those that serve, added up as if they fell together. */
async function peakMegabytes(running: Started): Promise<string> {
  const parent = running.process.pid
  let kilobytes = 0
  for (const pid of await readdir('/proc')) {
    const status = /^\d+$/.test(pid) ? await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '') : ''
    const ours = Number(pid) === parent || Number(/PPid:\s+(\d+)/.exec(status)?.[1]) === parent
    if (ours && !status.includes('postgres')) kilobytes += Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0)
  }
  return (kilobytes / 1024).toFixed(0)
}

async function compareWithCopy(sql: Sql): Promise<void> {
  const [load] = await sql<{ rows: number; seconds: number }[]>`
    select rows::int, extract(epoch from finished_at - started_at)::float as seconds from feed_load where finished_at is not null`
  if (load === undefined) throw new Error('no finished load')
  const loader = load.rows / load.seconds
  const seconds: number[] = []
  for (let round = 0; round < 3; round++) seconds.push(await plainCopy(sql))
  const sorted = seconds.toSorted((a, b) => a - b)
  const median = sorted[1] ?? Number.NaN
  const copy = load.rows / median
  say(
    `load: ${load.rows} records in ${load.seconds.toFixed(1)} s, ${loader.toFixed(0)}/s; ` +
      `plain COPY of the same rows ${median.toFixed(1)} s (${sorted[0]?.toFixed(1)}–${sorted[2]?.toFixed(1)}), ` +
      `${copy.toFixed(0)}/s; ratio ${(loader / copy).toFixed(2)}`,
  )
}

/** Both tables with their primary keys, from files that the server wrote, over one connection. */
export async function plainCopy(sql: Sql): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'kiemthe-copy-'))
  await chmod(folder, 0o777) // PostgreSQL writes into it as its own account
  let seconds = 0
  try {
    for (const table of ['coverage', 'alias']) {
      const file = join(folder, table)
      await sql.unsafe(`copy ${table} to '${file}' (format binary)`)
      await sql.unsafe(`create table copy_control (like ${table} including all)`)
      const began = performance.now()
      const stream = await sql.unsafe('copy copy_control from stdin (format binary)').writable()
      for await (const bytes of createReadStream(file, { highWaterMark: 1 << 18 })) {
        if (!stream.write(bytes)) await once(stream, 'drain')
      }
      stream.end()
      await finished(stream)
      seconds += (performance.now() - began) / 1000
      await sql.unsafe('drop table copy_control')
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return seconds
}

async function footprint(sql: Sql, running: Started, data: string): Promise<void> {
  const size = async () => {
    const [row] = await sql<{ bytes: number; entries: number }[]>`
      select (pg_total_relation_size('log_entry') + pg_total_relation_size('entry_detail'))::float as bytes,
             (select size::int from log_head) as entries`
    if (row === undefined) throw new Error('one row was asked for')
    return row
  }
  const before = await size()
  await closedLoop(running.url, demoCalls(data, 6_690), 64, 15)
  const after = await size()
  const entries = after.entries - before.entries
  say(`database: ${((after.bytes - before.bytes) / entries).toFixed(0)} bytes per verification, over ${entries}`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
