import { expect, it } from 'vitest'
import { mrzText } from '../../mocks/province/mrz.ts'
import { person } from '../../mocks/province/person.ts'
import { isoDate } from '../../src/calendar.ts'
import { parseChipIdMrz } from '../../src/identity/mrz.ts'
import { compareMrzName } from '../../src/identity/mrz-name.ts'

const baseDate = isoDate('2026-11-24')

it('the zone of a chip ID would be read back as another person', () => {
  for (let i = 0; i < 5_000; i++) {
    const someone = person({ seed: 'mrz', baseDate }, i)
    const zone = parseChipIdMrz(mrzText(someone), baseDate)
    if (!zone.ok) throw new Error(`${i}: ${zone.issue}`)
    const { citizenId, dateOfBirth: birthDate, sex } = someone
    expect(zone.value).toMatchObject({ citizenId, birthDate, sex })
    expect(['transliterated', 'exact']).toContain(compareMrzName(zone.value.name, someone.fullName))
  }
})
