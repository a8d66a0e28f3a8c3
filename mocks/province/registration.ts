import { COMMUNES, type Commune } from './communes.ts'
import { facilities } from './facilities.ts'
import { deck, pick } from './permutation.ts'

/**
 * Where people of a commune are registered for first care: two thirds with a station or clinic nearby, a quarter with their
 * district's hospital, the rest with private and provincial ones (shares assumed; what matters is that they are skewed).
 */
const SLOTS = 64

const byCommune: readonly (readonly string[])[] = COMMUNES.map(slotsOf)

/** 2 % live or study outside the province and registered there (share assumed; `01C54` is the code of domain §3). */
const ELSEWHERE = ['01C54', '01004', '01916', '40001', '40012', '79012', '79034', '75008', '37101', '36002']

export function registeredFacility(commune: number, random: number): string {
  if (random % 50 === 0) return pick(ELSEWHERE, random >>> 8)
  return pick(byCommune[commune] as readonly string[], random >>> 8)
}

function slotsOf(commune: Commune, i: number): readonly string[] {
  const places = new Set([...commune.district.wards, ...commune.district.communes])
  const inDistrict = facilities().filter((each) => places.has(each.commune))
  const stations = inDistrict.filter((each) => each.kind === 'station' && each.commune === commune.name)
  const clinics = inDistrict.filter((each) => each.kind === 'clinic')
  const district = inDistrict.filter((each) => each.kind === 'hospital' && each.formerTier === 'district')
  const privates = facilities().filter((each) => each.kind === 'privateHospital')
  const provincial = facilities().filter((each) => each.formerTier === 'provincial' || each.formerTier === 'central')

  const weights: [string, number][] = [
    // the commune's main station has most of its people, its further points share the rest
    ...stations.map(({ code }, k): [string, number] => [code, k === 0 ? 24 : 14 / (stations.length - 1)]),
    ...clinics.map(({ code }): [string, number] => [code, 4 / clinics.length]),
    ...district.map(({ code }): [string, number] => [code, 15]),
    ['38001', 2],
    [(provincial[i % provincial.length] as { code: string }).code, 1],
    [(privates[i % privates.length] as { code: string }).code, 4],
  ]
  return deck(SLOTS, weights)
}
