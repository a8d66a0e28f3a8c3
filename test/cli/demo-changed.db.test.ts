import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addDays, todayInVietnam } from '../../src/calendar.ts'
import { dataFolder, writeSecret } from '../../src/cli/data-folder.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { ownerUrlOf } from '../../src/cli/owner-url.ts'
import { connect } from '../../src/db/connect.ts'
import { type Command, newDataFolder, removeDataFolder, startKiemthe } from '../support/kiemthe.ts'

/** A first start that was ended is begun again with other options; one that came to its end is not. */

let data: string
let port: number
let demo: Command

beforeAll(async () => {
  data = await newDataFolder()
  port = await anyFreePort()
})

afterAll(async () => {
  await demo?.end('SIGKILL')
  await removeDataFolder(data)
})

function start(...options: string[]): Command {
  demo = startKiemthe(['demo', '--data', data, '--port', String(port), '--still', ...options], { PROCESSES: '1' })
  return demo
}

async function demoFile(): Promise<unknown> {
  return JSON.parse(await readFile(dataFolder(data).demoFile, 'utf8'))
}

test('a folder takes other options until its province is whole', async () => {
  const today = todayInVietnam(new Date())
  await start('--cards', '200000').until(/records {2}\d/)
  await demo.end('SIGKILL')
  // as if that had been last week
  await writeSecret(dataFolder(data).demoFile, { seed: 'thanh-hoa', baseDate: addDays(today, -7), cards: 200_000 })

  await start('--cards', '300', '--seed', 'elsewhere').until(/^ready http/m)
  expect(demo.stderr()).toContain('an unfinished load of province seed=thanh-hoa')
  expect(await demoFile()).toEqual({ seed: 'elsewhere', baseDate: today, cards: 300 })
  const sql = connect(await ownerUrlOf(dataFolder(data)), {
    connectionsMax: 1,
    statementTimeoutMs: 0,
    applicationName: 'test',
  })
  const [counts] = await sql`
    select (select count(*) from coverage) as records, (select rows from feed_watermark where feed = 'vss') as watermark,
           (select string_agg(source, ';') from feed_load) as source`
  await sql.end()
  expect(counts).toEqual({
    records: 300,
    watermark: 300,
    source: `province seed=elsewhere base=${today} cards=300`,
  })
  await demo.end('SIGTERM')

  const { code, stdout, stderr } = await start('--cards', '400').ended
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(
    `${data} holds 300 cards of seed elsewhere; leave --cards and --seed out, or choose another --data`,
  )
  expect(await demoFile()).toMatchObject({ cards: 300 })
})
