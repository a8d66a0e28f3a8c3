import { createHash } from 'node:crypto'
import type { FeedRow } from '../../src/sync/feed.ts'
import type { Person } from './person.ts'

/**
 * The QR of a chip ID (domain §3): number · CMND or nothing · name · birth · Nam/Nữ · address · issue day, by bars. What is
 * unknown of a birth date is printed as zeros.
 */
export function chipIdQrText(person: Person): string {
  const { citizenId, formerNumbers, fullName, dateOfBirth, sex, address, issuedOn } = person
  const cmnd = formerNumbers.find((number) => number.length === 9) ?? ''
  return [
    citizenId,
    cmnd,
    fullName,
    dayMonthYear(dateOfBirth, '', '00'),
    sex === 'male' ? 'Nam' : 'Nữ',
    address,
    dayMonthYear(issuedOn, ''),
  ].join('|')
}

/**
 * The QR of the paper insurance card printed since 1 April 2021 (domain §3): 17 fields, of which 4, 7 and 10 are a dash.
 * How VSS makes fields 9 and 13 is not published; here they only have the right shape.
 */
export function insuranceCardQrText(person: Person, coverage: FeedRow): string {
  const facility = coverage.registeredFacility
  const digest = createHash('sha256').update(coverage.cardNumber).digest()
  return [
    coverage.insuranceNumber,
    hex(person.fullName),
    dayMonthYear(person.dateOfBirth, '/'),
    person.sex === 'male' ? '1' : '2',
    '-',
    `${facility.slice(0, 2)} - ${facility.slice(2)}`,
    dayMonthYear(coverage.validFrom, '/'),
    '-',
    dayMonthYear(coverage.validFrom, '/'),
    `38${coverage.insuranceNumber}${String(coverage.coverageNo).padStart(2, '0')}`,
    '-',
    coverage.cardNumber.charAt(2),
    coverage.fiveYearsFrom === null ? '-' : ` ${dayMonthYear(coverage.fiveYearsFrom, '/')}`,
    `${digest.toString('hex', 0, 8)}-${String(digest.readUInt16BE(8) % 10_000).padStart(4, '0')}`,
    '4',
    hex('Bảo hiểm xã hội tỉnh Thanh Hóa'),
    '$',
  ].join('|')
}

/** `unknown` stands for a missing day or month; without it they are left out. */
function dayMonthYear(date: string, separator: string, unknown?: string): string {
  const [year = '', month = unknown, day = unknown] = date.split('-')
  return [day, month, year].filter((part) => part !== undefined).join(separator)
}

function hex(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex')
}
