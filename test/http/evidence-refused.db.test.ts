import { describe, expect, test } from 'vitest'
import type { FieldIssue } from '../../src/errors.ts'
import { openDesk, running, token, world } from '../support/desk.ts'
import {
  asking,
  card,
  cardScan,
  day,
  document,
  expectRefused,
  logState,
  MARK,
  mrzScan,
  record,
  scan,
  secretsOf,
  send,
  typed,
} from './http-support.ts'

const someone = record({ formerNumbers: ['172000001'] })
const secrets = [...secretsOf(someone), '172000001']
const qr = scan(someone).text
const cardQr = cardScan(someone).text
const number = someone.citizenId ?? ''
const tomorrow = day(1).split('-').reverse().join('')

openDesk([someone])

async function refused(body: unknown, at: string, issue: FieldIssue, more: readonly string[] = []) {
  const wanted = { status: 400, code: 'invalid_request', at, issue } as const
  const reply = await expectRefused(world, running, { token, body }, wanted, [...secrets, ...more])
  expect(reply.json.errors?.length).toBe(1)
}

describe('the QR of a chip ID would be believed', () => {
  const scans: [string, string, FieldIssue][] = [
    ['born on 30 February', qr.replace('17031990', '30021990'), 'date_impossible'],
    ['born on 29 February of a common year', qr.replace('17031990', '29021990'), 'date_impossible'],
    ['born in month 13', qr.replace('17031990', '17131990'), 'date_impossible'],
    ['born tomorrow', qr.replace('17031990', tomorrow), 'date_in_future'],
    ['born in 1899', qr.replace('17031990', '17031899'), 'date_too_old'],
    ['without a birth date', qr.replace('17031990', ''), 'date_shape'],
    ['with the birth date of an American scanner', qr.replace('17031990', '03-17-1990'), 'date_shape'],
    ['with a letter in the number', qr.replace(number, `${number.slice(0, -1)}O`), 'citizen_id_not_digits'],
    ['with 11 digits', qr.replace(number, number.slice(1)), 'citizen_id_length'],
    ['with 13 digits', qr.replace(number, `${number}0`), 'citizen_id_length'],
    ['with digits of another script', qr.replace(number, `٠${number.slice(1)}`), 'citizen_id_length'],
    ['cut off behind the name', qr.split('|').slice(0, 3).join('|'), 'qr_too_few_fields'],
    ['that is the number alone', number, 'qr_too_few_fields'],
    ['with commas for bars', qr.replaceAll('|', ','), 'qr_not_chip_id'],
    ['of white space', ' \t\r\n ', 'qr_empty'],
    ['of NUL and what scanners send behind', '\u0000\r\n', 'qr_empty'],
    ['of characters without width', '\u200b\ufeff\u2060', 'qr_empty'],
    ['of an insurance card', cardQr, 'qr_not_chip_id'],
    ['of a shop', `https://example.vn/${MARK}`, 'qr_not_chip_id'],
    ['without a name', qr.replace(someone.fullName, ''), 'name_empty'],
    ['whose accents became question marks', qr.replace(someone.fullName, 'L??ng Kh?nh To?n'), 'name_garbled'],
    ['whose accents became U+FFFD', qr.replace(someone.fullName, 'L\ufffdng Kh\ufffdnh'), 'name_garbled'],
    ['with digits for a name', qr.replace(someone.fullName, '12345678'), 'name_not_a_name'],
    ['with a script for a name', qr.replace(someone.fullName, `<script>${MARK}</script>`), 'name_not_a_name'],
  ]
  for (const [name, text, issue] of scans) {
    test(name, async () => {
      await refused(asking({ kind: 'chipIdQr', text }), '/evidence/text', issue, [text])
    })
  }
  test('that is empty', async () => {
    await refused(asking({ kind: 'chipIdQr', text: '' }), '/evidence/text', 'member_too_short')
  })
})

describe('a machine-readable zone would be believed', () => {
  const zone = mrzScan(someone).text
  const scans: [string, string, FieldIssue][] = [
    ['with a wrong digit in the birth date', zone.replace('900317', '900318'), 'mrz_check_birth_date'],
    [
      'with a wrong digit in the number',
      zone.replace(`${number}<`, `${number.slice(0, -1)}9<`),
      'mrz_check_personal_number',
    ],
    ['without its last line', zone.slice(0, zone.lastIndexOf('\n')), 'mrz_length'],
    ['that is a QR', qr, 'mrz_characters'],
  ]
  for (const [name, text, issue] of scans) {
    test(name, async () => {
      await refused(asking({ kind: 'chipIdMrz', text }), '/evidence/text', issue, [text])
    })
  }
  test('that never ends', async () => {
    await refused(asking({ kind: 'chipIdMrz', text: '<'.repeat(257) }), '/evidence/text', 'member_too_long')
  })
})

describe('the QR of an insurance card would be believed', () => {
  const [insuranceNumber = '', nameHex = ''] = cardQr.split('|')
  const scans: [string, string, FieldIssue][] = [
    ['whose name has a letter past F', cardQr.replace(nameHex, `${nameHex.slice(0, -1)}g`), 'qr_bad_hex'],
    ['whose name has half a byte', cardQr.replace(nameHex, nameHex.slice(1)), 'qr_bad_hex'],
    ['whose name is written out', cardQr.replace(nameHex, someone.fullName), 'qr_bad_hex'],
    ['whose name is cut inside a letter', cardQr.replace(nameHex, '4cc6b0e1bb'), 'qr_bad_utf8'],
    ['whose name is in another code page', cardQr.replace(nameHex, '4cfdff6e67'), 'qr_bad_utf8'],
    ['whose name is empty', cardQr.replace(nameHex, ''), 'name_empty'],
    ['born on 31 April', cardQr.replace('17/03/1990', '31/04/1990'), 'date_impossible'],
    ['born tomorrow', cardQr.replace('17/03/1990', tomorrow), 'date_in_future'],
    ['cut off behind the name', cardQr.split('|').slice(0, 2).join('|'), 'qr_too_few_fields'],
    ['with a letter in the number', cardQr.replace(insuranceNumber, '38A8000001'), 'insurance_number_not_digits'],
    ['with a card of 14 characters', cardQr.replace(insuranceNumber, 'GD438380000001'), 'card_number_length'],
    ['with a level of 9', cardQr.replace(insuranceNumber, 'GD9383800000001'), 'card_number_shape'],
    ['of a chip ID', qr, 'qr_not_insurance_card'],
    ['of white space', ' \r\n', 'qr_empty'],
  ]
  for (const [name, text, issue] of scans) {
    test(name, async () => {
      await refused(asking({ kind: 'insuranceCardQr', text }), '/evidence/text', issue, [text, nameHex])
    })
  }
})

describe('a number that cannot be one would be looked up', () => {
  const numbers: [string, Record<string, unknown>, FieldIssue][] = [
    ['a citizen id with a letter', { ...typed(someone), number: '03809000000A' }, 'citizen_id_not_digits'],
    ['a citizen id of 11 digits', { ...typed(someone), number: number.slice(1) }, 'citizen_id_length'],
    ['a citizen id of 13 digits', { ...typed(someone), number: `${number}1` }, 'citizen_id_length'],
    ['a citizen id with gaps', { ...typed(someone), number: '038 090 000 001' }, 'citizen_id_not_digits'],
    ['a citizen id with a NUL', { ...typed(someone), number: '038090\u0000000001' }, 'citizen_id_not_digits'],
    ['a citizen id of white space', { ...typed(someone), number: '   ' }, 'citizen_id_length'],
    ['an insurance card of 14', card(someone, someone.cardNumber.slice(0, 14)), 'card_number_length'],
    ['an insurance card of 16', card(someone, `${someone.cardNumber}0`), 'card_number_length'],
    ['a citizen id as an insurance card', card(someone, number), 'card_number_length'],
    ['an insurance card without its letters', card(someone, '123383800000001'), 'card_number_shape'],
    ['an insurance card of level 0', card(someone, 'GD0383800000001'), 'card_number_shape'],
    ['an insurance number with a letter', card(someone, '38A0000001'), 'insurance_number_not_digits'],
    ['a VNeID with a CMND of 9', document(someone, 'vneid', '172000001'), 'citizen_id_length'],
    [
      'a birth certificate with a letter',
      document(someone, 'birthCertificate', 'A38090000001'),
      'citizen_id_not_digits',
    ],
    ['a passport of 4', document(someone, 'passport', 'C123'), 'member_value'],
    ['a passport of 16', document(someone, 'passport', 'C123456789012345'), 'member_value'],
    ['a passport with a sign', document(someone, 'passport', "C1234567'--"), 'member_value'],
  ]
  for (const [name, evidence, issue] of numbers) {
    test(name, async () => {
      await refused(asking(evidence), '/evidence/number', issue, [String(evidence['number']).trim() || MARK])
    })
  }
})

describe('typed particulars that nobody can have would be compared', () => {
  const dates: [string, FieldIssue][] = [
    ['1990-02-30', 'date_impossible'],
    ['1990-13', 'date_impossible'],
    ['1990-00-01', 'date_impossible'],
    [day(1), 'date_in_future'],
    [String(Number(day(0).slice(0, 4)) + 1), 'date_in_future'],
    ['1899', 'date_too_old'],
    ['17/03/1990', 'date_shape'],
    ['19900317', 'date_shape'],
    ['1990-3-17', 'date_shape'],
    ['1990-03-', 'date_shape'],
    ['٢٠٠٠', 'date_shape'],
  ]
  for (const [dateOfBirth, issue] of dates) {
    for (const evidence of [typed(someone), card(someone), document(someone, 'birthCertificate')]) {
      test(`${evidence.kind} born ${issue === 'date_in_future' ? `in the future, ${dateOfBirth.length}` : dateOfBirth}`, async () => {
        await refused(asking({ ...evidence, dateOfBirth }), '/evidence/dateOfBirth', issue)
      })
    }
  }
  const names: [string, string, FieldIssue][] = [
    ['white space', ' \t ', 'name_empty'],
    ['characters without width', '\u200b\u00ad', 'name_empty'],
    ['garbled', `L?ng ${MARK}`, 'name_garbled'],
    ['digits', '038090000001', 'name_not_a_name'],
    ['a bar', `${MARK}|${MARK}`, 'name_not_a_name'],
    ['a control character', `${MARK}\u0007`, 'name_not_a_name'],
    ['signs only', '...', 'name_not_a_name'],
  ]
  for (const [name, fullName, issue] of names) {
    test(`a name of ${name}`, async () => {
      await refused(asking({ ...typed(someone), fullName }), '/evidence/fullName', issue)
    })
  }
})

describe('a service date outside the contract would be answered', () => {
  const dates: [string, string, string, FieldIssue][] = [
    ['30 February', '2026-02-30', 'arrival', 'service_date_shape'],
    ['written the Vietnamese way', '24/11/2026', 'arrival', 'service_date_shape'],
    ['with a time', '2026-11-2', 'arrival', 'service_date_shape'],
    ['empty', '', 'arrival', 'service_date_shape'],
    ['a word', 'today', 'arrival', 'service_date_shape'],
    ['tomorrow for an arrival', day(1), 'arrival', 'service_date_future'],
    ['tomorrow during a stay', day(1), 'during', 'service_date_future'],
    ['tomorrow at the end', day(1), 'end', 'service_date_future'],
    ['an appointment in 61 days', day(61), 'appointment', 'service_date_too_far'],
    ['an appointment in the year 9999', '9999-12-31', 'appointment', 'service_date_too_far'],
    ['before the first law', '2009-06-30', 'arrival', 'service_date_too_old'],
    ['before the first law, by appointment', '1990-01-01', 'appointment', 'service_date_too_old'],
  ]
  for (const [name, serviceDate, purpose, issue] of dates) {
    test(name, async () => {
      await refused(asking(scan(someone), { serviceDate, purpose }), '/serviceDate', issue)
    })
  }
  test('the last days that are inside would be refused', async () => {
    for (const [serviceDate, purpose] of [
      [day(60), 'appointment'],
      [day(1), 'appointment'],
      [day(0), 'appointment'],
      [day(-3), 'appointment'],
      [day(0), 'during'],
      ['2009-07-01', 'end'],
    ]) {
      const { size } = await logState(world)
      const reply = await send(running.url, { token, body: asking(scan(someone), { serviceDate, purpose }) })
      expect({ status: reply.status, day: reply.json.serviceDate }).toEqual({ status: 200, day: serviceDate })
      expect((await logState(world)).size).toBe(size + 1)
    }
  })
})

describe("a portal answer of another day would win over the copy's", () => {
  const hours = (count: number) => new Date(Date.now() + count * 3_600_000).toISOString()
  const portal = (askedAt: string) => ({ portalAnswer: { askedAt, code: '000', digest: MARK } })

  test('of the future', async () => {
    await refused(asking(scan(someone), portal(hours(0.1))), '/portalAnswer/askedAt', 'portal_answer_future')
  })
  test('25 hours old', async () => {
    await refused(asking(scan(someone), portal(hours(-25))), '/portalAnswer/askedAt', 'portal_answer_old')
  })
  test('25 hours old in another zone', async () => {
    const askedAt = `${hours(-18).slice(0, -1)}+07:00`
    await refused(asking(scan(someone), portal(askedAt)), '/portalAnswer/askedAt', 'portal_answer_old')
  })
  test('of 23 hours ago, or by a clock 30 s ahead, would be refused', async () => {
    for (const askedAt of [hours(-23), new Date(Date.now() + 30_000).toISOString()]) {
      expect((await send(running.url, { token, body: asking(scan(someone), portal(askedAt)) })).status).toBe(200)
    }
  })
})
