import { isChanging } from './changing.ts'
import type { ScanCode } from './expected.ts'
import { layoutOf } from './layout.ts'
import { childOutsider, misread, outsider, outsiderCount } from './outsider.ts'
import { spread } from './permutation.ts'
import { type Person, type Province, person, personsForRecords } from './person.ts'

/** People of a province with so many records, in an order that jumps all over it. */
export interface Population {
  readonly province: Province
  readonly records: number
}

/**
 * People as they come to a desk: each once, drawn from the whole province, the first ten of a thousand being the same ten.
 * With a code only those whose scan gives it; ends when there are no more. Whom a running demo's insurer may change is none
 * of them.
 */
export function* peopleByScan(population: Population, code: ScanCode | null): Generator<Person> {
  const { province } = population
  if (code === 'not_found' || code === 'child_without_card') {
    const make = code === 'not_found' ? outsider : childOutsider
    const count = outsiderCount(province, code)
    for (let i = 0; i < count; i++) yield make(province, i)
  } else if (code === 'name_mismatch' || code === 'birth_date_mismatch') {
    for (const someone of residents(population)) {
      if (someone.expected.code === 'valid') yield misread(someone, code)
    }
  } else {
    for (const someone of residents(population)) {
      if (code === null || someone.expected.code === code) yield someone
    }
  }
}

function* residents({ province, records }: Population): Generator<Person> {
  const people = personsForRecords(records)
  const { sampleKey } = layoutOf(province)
  for (let i = 0; i < people; i++) {
    const index = spread(sampleKey, people, i)
    if (!isChanging(index)) yield person(province, index)
  }
}
