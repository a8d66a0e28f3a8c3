import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { person } from '../../mocks/province/person.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { dataFolder } from '../../src/cli/data-folder.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { ownerUrlOf } from '../../src/cli/owner-url.ts'
import { connect } from '../../src/db/connect.ts'
import { type Command, type Ended, kiemthe, newDataFolder, removeDataFolder, startKiemthe } from '../support/kiemthe.ts'
import { post } from '../support/service.ts'

/** Some chunks: kills find a few in, two on their way, the others not begun. */
const CARDS = 40_000

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

function start(): Command {
  demo = startKiemthe(['demo', '--data', data, '--cards', String(CARDS), '--port', String(port), '--still'], {
    PROCESSES: '1',
  })
  return demo
}

async function ownerSql() {
  const url = await ownerUrlOf(dataFolder(data))
  return connect(url, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'test' })
}

async function expectWhole(url: string): Promise<void> {
  const sql = await ownerSql()
  const [counts] = await sql`
    select (select count(*) from coverage) as records,
           (select count(distinct (subject, coverage_no)) from coverage) as distinct,
           (select count(*) from alias) - (select count(distinct alias) from alias) as "aliasesTwice",
           (select count(*) from quarantine) as quarantined,
           (select rows from feed_watermark where feed = 'vss') as watermark,
           (select sum(rows) from feed_chunk) as chunks,
           (select count(*) from pg_constraint where conname in ('coverage_pkey', 'alias_pkey')) as keys`
  await sql.end()
  expect(counts).toEqual({
    records: CARDS,
    distinct: CARDS,
    aliasesTwice: 0,
    quarantined: 0,
    watermark: CARDS,
    chunks: CARDS,
    keys: 2,
  })
  const today = todayInVietnam(new Date())
  const { stdout } = await kiemthe(['token', '--facility', '38001', '--data', data])
  for (const index of [0, 9_899, 9_900, 30_000, 39_599]) {
    const someone = person({ seed: 'thanh-hoa', baseDate: today }, index)
    const evidence = { kind: 'chipIdQr', text: chipIdQrText(someone) }
    const { body } = await post(url, stdout.trim(), { evidence, serviceDate: today, purpose: 'arrival' })
    expect(body).toMatchObject(someone.expected)
  }
}

/** Waits for the line, then so long, and ends it. The start must not be over by then. */
async function endAt(line: RegExp, waitMs: number, signal: NodeJS.Signals): Promise<Ended> {
  const { until, end, stdout } = start()
  await until(line)
  await sleep(waitMs)
  expect(stdout()).toBe('')
  return end(signal)
}

test('a first start that is ended at any point goes on with the next, and ends with every record once', async () => {
  await endAt(/making a PostgreSQL cluster/, 300, 'SIGKILL')
  await endAt(/PostgreSQL is ready/, 150, 'SIGKILL')
  await endAt(/records {2}0\/40,000/, 100, 'SIGKILL')

  const stopped = await endAt(/records {2}\d/, 200, 'SIGTERM')
  expect(stopped.code).toBe(0)
  expect(stopped.stderr).toContain('stopped; the next start goes on from here')

  // its connections are cut: it ends with an error, it does not wait for what never comes
  await start().until(/records {2}\d/)
  await cutACopy()
  const cut = await demo.ended
  expect(cut.code).toBe(1)
  expect(cut.stderr).toContain('stopped at')

  await endAt(/records {2}\d/, 150, 'SIGKILL')
  await endAt(/building the indexes/, 0, 'SIGKILL')

  const [, url = ''] = await start().until(/^ready (http\S+)/m)
  await expectWhole(url)
})

async function cutACopy(): Promise<void> {
  const sql = await ownerSql()
  const cut = async () =>
    (
      await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'kiemthe load' and query like 'copy coverage%' and state = 'active'`
    ).count
  await expect.poll(cut, { timeout: 10_000, interval: 5 }).toBeGreaterThan(0)
  await sql.end()
}
