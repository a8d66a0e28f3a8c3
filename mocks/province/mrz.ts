import type { Person } from './person.ts'

/**
 * The machine-readable zone on the back of a chip ID (domain §4): ICAO 9303-5, TD1. Made from the standard and with nothing
 * of what reads it, so that a mistake there does not vouch for itself.
 */
export function mrzText(person: Person): string {
  const { citizenId, fullName, dateOfBirth, sex } = person
  const [year = '', month = '<<', day = '<<'] = dateOfBirth.split('-')
  return zoneOf({
    document: citizenId.slice(-9),
    personal: citizenId,
    birth: year.slice(2) + month + day,
    sex: sex === 'male' ? 'M' : 'F',
    expiry: expiryOf(person),
    name: nameLine(fullName),
  })
}

/** Three lines with right check digits, whatever the fields say. */
export function zoneOf(
  fields: Readonly<Record<'document' | 'personal' | 'birth' | 'sex' | 'expiry' | 'name', string>>,
) {
  const optional = `${fields.personal}<<`
  const numbers = fields.document + digit(fields.document) + optional + digit(optional)
  const birth = fields.birth + digit(fields.birth)
  const expiry = fields.expiry + digit(fields.expiry)
  const fillers = '<'.repeat(11)
  const composite = digit(numbers + birth + expiry + fillers)
  return [`IDVNM${numbers}`, `${birth}${fields.sex}${expiry}VNM${fillers}${composite}`, fields.name].join('\n')
}

/** Good until the birthdays of 25, 40 and 60, then without an end [general knowledge]. The day itself is not kept up. */
function expiryOf({ dateOfBirth, issuedOn }: Person): string {
  const age = Number(issuedOn.slice(0, 4)) - Number(dateOfBirth.slice(0, 4))
  const until = [25, 40, 60].find((birthday) => age <= birthday - 2)
  if (until === undefined) return '991231'
  return `${String(Number(dateOfBirth.slice(0, 4)) + until).slice(2)}${issuedOn.slice(5, 7)}01`
}

const VALUES = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'

function digit(field: string): string {
  const weighted = Array.from(field, (char, i) => Math.max(VALUES.indexOf(char), 0) * ([7, 3, 1][i % 3] as number))
  return String(weighted.reduce((sum, each) => sum + each, 0) % 10)
}

/** Surname, two fillers, the other names; apostrophes left out, hyphens a filler, cut at 30. */
export function nameLine(fullName: string): string {
  const [surname = '', ...others] = fullName
    .normalize('NFD')
    .replace(/[\u0300-\u036f'’.]/g, '')
    .replace(/[đĐ]/g, 'D')
    .toUpperCase()
    .split(/[ -]+/)
  return [surname, others.join('<')].join('<<').padEnd(30, '<').slice(0, 30)
}
