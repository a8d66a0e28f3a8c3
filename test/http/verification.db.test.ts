import { afterAll, beforeAll, expect, test } from 'vitest'
import { person } from '../../mocks/province/person.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { createWorld, post, type Running, type World } from '../support/service.ts'

const today = todayInVietnam(new Date())
const province = { seed: 'http', baseDate: today }
const people = Array.from({ length: 50 }, (_, i) => person(province, i))

let world: World
let running: Running
let token: string

beforeAll(async () => {
  world = await createWorld(people.flatMap((each) => each.coverages))
  running = await world.start()
  token = await world.token('facility:38001')
})

afterAll(() => world?.close())

test('a scan is answered as the province expects, and each answer stands in the log', async () => {
  for (const someone of people) {
    const evidence = { kind: 'chipIdQr', text: chipIdQrText(someone) }
    const { status, body } = await post(running.url, token, { evidence, serviceDate: today, purpose: 'arrival' })
    expect(status).toBe(200)
    expect({ decision: body.decision, code: body.code }).toEqual(someone.expected)
  }
  const [head] = await world.owner<{ size: number; entries: number }[]>`
    select size, (select count(*) from log_entry) as entries from log_head`
  expect(head).toEqual({ size: people.length, entries: people.length })
})
