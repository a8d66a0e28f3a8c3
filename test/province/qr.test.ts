import { describe, expect, it } from 'vitest'
import { type Person, person } from '../../mocks/province/person.ts'
import { chipIdQrText, insuranceCardQrText } from '../../mocks/province/qr.ts'
import { isoDate } from '../../src/calendar.ts'
import { parseChipIdQr } from '../../src/identity/chip-id-qr.ts'
import { parseInsuranceCardQr } from '../../src/identity/insurance-card-qr.ts'

const baseDate = isoDate('2026-11-24')
const province = { seed: 'qr', baseDate }
const people = Array.from({ length: 5_000 }, (_, i) => person(province, i))
const an: Person = {
  ...person(province, 0),
  citizenId: '038090001234',
  formerNumbers: ['038091999999', '172000001'],
  fullName: 'Nguyễn Văn An',
  dateOfBirth: '1990-01-15',
  sex: 'male',
  address: 'Thôn 1, Quảng Xương, Thanh Hóa',
  issuedOn: isoDate('2021-05-31'),
}

describe('the QR of a chip ID', () => {
  it('would not have the shape of the contract’s example', () => {
    expect(chipIdQrText(an)).toBe(
      '038090001234|172000001|Nguyễn Văn An|15011990|Nam|Thôn 1, Quảng Xương, Thanh Hóa|31052021',
    )
  })

  it.each([
    ['1950', '00001950'],
    ['1950-03', '00031950'],
  ])('a birth date known as %s would not be printed %s', (dateOfBirth, printed) => {
    expect(chipIdQrText({ ...an, dateOfBirth }).split('|')[3]).toBe(printed)
  })

  it('would be read back as another person', () => {
    for (const someone of people) {
      const scan = parseChipIdQr(chipIdQrText(someone), baseDate)
      expect(scan).toEqual({
        ok: true,
        value: {
          citizenId: someone.citizenId,
          formerNumber: someone.formerNumbers.find((number) => number.length === 9) ?? null,
          fullName: someone.fullName,
          birthDate: someone.dateOfBirth,
          sex: someone.sex,
          issuedOn: someone.issuedOn,
        },
      })
    }
  })
})

describe('the QR of a paper insurance card', () => {
  it('would not have 17 fields in the order of domain §3', () => {
    const [row] = an.coverages
    const fields = insuranceCardQrText(an, {
      ...(row as NonNullable<typeof row>),
      insuranceNumber: '3800012345',
      cardNumber: 'GD4383800012345',
      coverageNo: 1,
      registeredFacility: '01C54',
      validFrom: '2026-01-01',
      fiveYearsFrom: '2020-05-01',
    }).split('|')
    expect(fields).toHaveLength(17)
    expect(fields.slice(0, 13)).toEqual([
      '3800012345',
      Buffer.from('Nguyễn Văn An').toString('hex'),
      '15/01/1990',
      '1',
      '-',
      '01 - C54',
      '01/01/2026',
      '-',
      '01/01/2026',
      '38380001234501',
      '-',
      '4',
      ' 01/05/2020',
    ])
    expect(fields[13]).toMatch(/^[0-9a-f]{16}-[0-9]{4}$/)
    expect(fields.slice(14)).toEqual(['4', Buffer.from('Bảo hiểm xã hội tỉnh Thanh Hóa').toString('hex'), '$'])
  })

  it('would be read back as another person', () => {
    for (const someone of people.slice(0, 1_000)) {
      for (const coverage of someone.coverages) {
        expect(parseInsuranceCardQr(insuranceCardQrText(someone, coverage), baseDate)).toMatchObject({
          ok: true,
          value: {
            number: { insuranceNumber: someone.insuranceNumber },
            fullName: someone.fullName,
            birthDate: someone.dateOfBirth,
            sex: someone.sex,
          },
        })
      }
    }
  })
})
