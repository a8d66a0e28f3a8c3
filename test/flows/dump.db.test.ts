import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimFile } from '../../mocks/dossier/file.ts'
import { claimTables } from '../../mocks/dossier/visit.ts'
import { type Person, person } from '../../mocks/province/person.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { daysInMonth, todayInVietnam } from '../../src/calendar.ts'
import { deriveDataKeys, lookupKey } from '../../src/data-keys.ts'
import type { Sql } from '../../src/db/connect.ts'
import { withoutAccents } from '../../src/identity/accents.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import { createWorld, post, type Running, type World } from '../support/service.ts'

/** Law: a dump of the database names nobody. Whoever holds it has every table, and nothing that says who is who. */

const today = todayInVietnam(new Date())
const people = Array.from({ length: 250 }, (_, i) => person({ seed: 'dump', baseDate: today }, i))
/** Their rows of the feed are spoiled: the quarantine has them. */
const spoiled = people.slice(200, 220)
/** The days of a coverage stand in the clear, and may be those of somebody's birth by chance: tests of their own. */
const TERM = ['valid_from', 'valid_to', 'five_years_from', 'status_from']
/** Their days all fall on their birthday. 2024 and 2028 have every day of a year. */
const ofBirthdays = people.slice(220).filter(({ dateOfBirth }) => dateOfBirth.length === 10)
const fed: FeedRow[] = people.flatMap((each) =>
  each.coverages.map((row) => {
    if (spoiled.includes(each)) return { ...row, status: 'asleep' as typeof row.status }
    if (!ofBirthdays.includes(each)) return row
    const in2024 = `2024${each.dateOfBirth.slice(4)}`
    const validFrom = each.dateOfBirth > in2024 ? each.dateOfBirth : in2024
    return { ...row, validFrom, validTo: `2028${in2024.slice(4)}`, fiveYearsFrom: in2024, statusFrom: in2024 }
  }),
)
const stranger = person({ seed: 'stranger', baseDate: today }, 0)

let world: World
let running: Running

beforeAll(async () => {
  world = await createWorld(fed)
  running = await world.start()
  const token = await world.token('facility:38001')
  for (const someone of [...people.slice(0, 60), ...spoiled, stranger]) {
    const { status } = await post(
      running.url,
      token,
      {
        evidence: { kind: 'chipIdQr', text: chipIdQrText(someone) },
        serviceDate: today,
        purpose: 'arrival',
        // what a hospital's program may put there
        visit: { visitId: `${someone.citizenId}-${someone.insuranceNumber}`, route: '1.1' },
        officer: someone.fullName,
        registryConsent: { method: 'spoken', reference: someone.fullName, givenAt: new Date().toISOString() },
      },
      { 'idempotency-key': someone.citizenId },
    )
    expect(status).toBe(200)
  }
  for (const someone of people.slice(60, 90)) {
    const { fullName, dateOfBirth, coverages } = someone
    const number = coverages[0]?.cardNumber ?? ''
    const evidence = { kind: 'insuranceCard', number, fullName, dateOfBirth }
    await post(running.url, token, { evidence, serviceDate: today, purpose: 'arrival' }, { 'idempotency-key': number })
  }
  for (const someone of people.slice(0, 20)) {
    const visit = {
      facility: '38001',
      visitId: `${someone.citizenId}-${someone.insuranceNumber}`,
      day: today,
      seed: 'dump',
    }
    const response = await fetch(`${running.url}/v1/claim-shares`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/xml',
        'claim-no-check-reason': encodeURIComponent(someone.fullName),
        'idempotency-key': someone.insuranceNumber,
      },
      body: claimFile(claimTables(someone, visit), '38001'),
    })
    expect(response.status).toBe(202)
  }
  // requests that are refused may not leave a trace either
  await post(running.url, token, { evidence: { kind: 'chipIdQr', text: stranger.citizenId } })
  await world.owner`analyze`
})

afterAll(() => world?.close())

test('no table holds what names a person: numbers, names, birth dates, in any writing', async () => {
  const { texts, bytes } = await dump(world.owner, { without: TERM })
  expect(texts.length).toBeGreaterThan(50_000)
  const found: string[] = []
  for (const someone of [...people, stranger]) {
    for (const [what, needle] of longNeedles(someone)) {
      if (texts.includes(needle) || bytes.includes(needle)) found.push(`${what} of person ${someone.index}`)
    }
    for (const [what, needle] of shortNeedles(someone)) {
      if (texts.includes(needle)) found.push(`${what} of person ${someone.index}`)
    }
  }
  expect(found).toEqual([])
})

// A child's first card is in force from the day of birth, so for one person in fifteen `valid_from` is the birth date.
test('no table tells when a child was born by the days of a coverage', async () => {
  const { texts } = await dump(world.owner, { without: [] })
  // what stays in the clear is a day of somebody by chance: other people's days, and the ends of months
  const chance = new Set(fed.flatMap((row) => daysOf(row).filter((day) => !isBirthday(row, day))))
  const searched = people.filter(({ dateOfBirth }) => !chance.has(dateOfBirth) && !isEndOfMonth(dateOfBirth))
  expect(
    searched.filter(({ coverages, dateOfBirth }) => coverages[0]?.validFrom === dateOfBirth).length,
  ).toBeGreaterThan(5)
  const found = searched.filter((someone) => shortNeedles(someone).some(([, needle]) => texts.includes(needle)))
  expect(found.map((each) => each.index)).toEqual([])
})

test('no day of a coverage in the clear falls on its holder’s birthday: month and day are secret, whatever the year', async () => {
  const keys = deriveDataKeys(world.dataKeys)
  const rows = await world.owner<{ subject: string; days: string }[]>`
    select replace(subject::text, '-', '') as subject,
           concat_ws(' ', valid_from, valid_to, five_years_from, status_from) as days
      from coverage`
  const found: number[] = []
  for (const someone of people.filter(({ dateOfBirth }) => !isEndOfMonth(dateOfBirth))) {
    const key = lookupKey(keys, someone.citizenId)
    const days = rows.filter((row) => row.subject === key).flatMap((row) => row.days.split(' '))
    if (days.some((day) => isBirthday(someone, day))) found.push(someone.index)
  }
  expect(found).toEqual([])
  const onBirthday = fed.filter((row) => row.validTo !== null && isBirthday(row, row.validTo))
  expect(onBirthday.length).toBeGreaterThanOrEqual(ofBirthdays.length)
  expect(ofBirthdays.length).toBeGreaterThan(20)
})

test('what the service wrote to its own log names nobody', () => {
  const said = running.log.join('')
  expect(said).toContain('/v1/verifications')
  const found = [...people, stranger].flatMap((someone) =>
    [...longNeedles(someone), ...shortNeedles(someone)].filter(([, needle]) => said.includes(needle)),
  )
  expect(found).toEqual([])
})

test('the same search would have found them in the feed', () => {
  const plain = JSON.stringify(people.map((each) => each.coverages))
  for (const someone of people) expect(longNeedles(someone).filter(([, each]) => plain.includes(each))).not.toEqual([])
})

function daysOf({ validFrom, validTo, fiveYearsFrom, statusFrom }: FeedRow): string[] {
  return [validFrom, validTo, fiveYearsFrom, statusFrom].filter((day) => day !== null)
}

function isBirthday({ dateOfBirth }: { readonly dateOfBirth: string }, day: string): boolean {
  return dateOfBirth.length === 10 && day.slice(4) === dateOfBirth.slice(4)
}

/** A day on an end of its month cannot be told from a month's. */
function isEndOfMonth(date: string): boolean {
  const day = Number(date.slice(8))
  return day === 1 || day === daysInMonth(Number(date.slice(0, 4)), Number(date.slice(5, 7)))
}

/** Long enough that chance does not write them into random bytes. */
function longNeedles(someone: Person): [string, string][] {
  const numbers: [string, string][] = [
    ['citizen id', someone.citizenId],
    ['insurance number', someone.insuranceNumber],
    ...someone.formerNumbers.map((each): [string, string] => ['former number', each]),
    ...someone.coverages.map((each): [string, string] => ['card number', each.cardNumber]),
  ]
  const names: [string, string][] = [
    someone.fullName,
    someone.fullName.normalize('NFD'),
    withoutAccents(someone.fullName),
  ]
    .flatMap((each) => [each, each.toUpperCase(), each.toLowerCase()])
    .map((each) => ['name', each])
  const plain = [...numbers, ...names]
  return [
    ...plain,
    ...plain.map(([what, text]): [string, string] => [`${what} in hex`, Buffer.from(text).toString('hex')]),
    ...plain.flatMap(([what, text]) => base64Of(text).map((each): [string, string] => [`${what} in base64`, each])),
    // 12 digits behind a plain hash are guessed in minutes
    ...numbers.flatMap(([what, text]) =>
      ['md5', 'sha1', 'sha256', 'sha512'].flatMap((algorithm): [string, string][] => {
        const hash = createHash(algorithm).update(text).digest()
        return [
          [`${algorithm} of ${what}`, hash.toString('hex').slice(0, 32)],
          [`${algorithm} of ${what}`, hash.toString('base64').slice(0, 20)],
        ]
      }),
    ),
  ]
}

function shortNeedles({ dateOfBirth }: Person): [string, string][] {
  if (dateOfBirth.length < 10) return [] // a year alone stands in many places
  const [year = '', month = '', day = ''] = dateOfBirth.split('-')
  return [dateOfBirth, `${day}${month}${year}`, `${year}${month}${day}`, `${day}/${month}/${year}`].map((each) => [
    'birth date',
    each,
  ])
}

/** The middle of a text in base64, whatever stands before it. */
function base64Of(text: string): string[] {
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.from(`${'x'.repeat(before)}${text}`)
      .toString('base64')
      .replaceAll('=', '')
    return encoded.slice(before === 0 ? 0 : before + 1, -2)
  })
}

/** Every value of every table, and what ANALYZE keeps of them; uuid and bytea apart, as hex without dashes. */
async function dump(owner: Sql, { without }: { without: string[] }): Promise<{ texts: string; bytes: string }> {
  const columns = await owner<{ table: string; column: string; type: string }[]>`
    select format('%I.%I', table_schema, table_name) as table, quote_ident(column_name) as column, data_type as type
      from information_schema.columns
     where table_schema not in ('pg_catalog', 'information_schema') and column_name <> all(string_to_array(${without.join(',')}, ','))`
  const parts = { texts: [] as string[], bytes: [] as string[] }
  for (const { table, column, type } of columns) {
    const rows = await owner.unsafe<{ text: string | null }[]>(`select ${column}::text as text from ${table}`)
    const binary = type === 'uuid' || type === 'bytea'
    for (const { text } of rows) {
      if (text !== null) parts[binary ? 'bytes' : 'texts'].push(binary ? text.replaceAll(/-|\\x/g, '') : text)
    }
  }
  const kept = await owner<{ text: string }[]>`
    select concat_ws(' ', most_common_vals::text, histogram_bounds::text) as text from pg_stats
     where schemaname = 'public' and attname not in ('sealed', 'salt', 'leaf_hash')
       and attname <> all(string_to_array(${without.join(',')}, ','))`
  parts.texts.push(...kept.map((each) => each.text))
  return { texts: parts.texts.join('\n'), bytes: parts.bytes.join('\n') }
}
