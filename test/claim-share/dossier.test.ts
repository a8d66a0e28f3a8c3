import { describe, expect, test } from 'vitest'
import { claim, FACILITY, FIELD_CASES, findingsOf, insured, visitOf, wrongOf } from '../../loadtest/dossier-breaks.ts'
import { checkInFile, claimFile, envelope, fileOf, tableXml } from '../../mocks/dossier/file.ts'
import { checkInTables, claimTables, type Tables } from '../../mocks/dossier/visit.ts'
import { isoDate } from '../../src/calendar.ts'
import { add, isEqual, multiply, parseDecimal, round, subtract } from '../../src/claim-share/dossier/decimal.ts'
import { readDossier } from '../../src/claim-share/dossier/dossier.ts'
import { FINDINGS_MAX, type Finding } from '../../src/claim-share/dossier/finding.ts'
import { saysHiv } from '../../src/claim-share/dossier/hiv.ts'
import { STANDARDS } from '../../src/claim-share/dossier/tables.ts'
import type { ShareKind } from '../../src/claim-share/entry.ts'
import { subjectOf } from '../../src/claim-share/subject.ts'
import { ServiceError } from '../../src/errors.ts'

const NOW = new Date('2026-11-24T03:00:00Z')

const told = (findings: readonly Finding[]) =>
  findings.map(({ code, table, row, field }) => ({ code, table, row, field }))

test('a dossier that is as the standard has it would be found fault with', async () => {
  for (let n = 0; n < DOSSIERS; n++) {
    expect(told(await findingsOf(claimFile(claim(n, n % 2 === 0), FACILITY)))).toEqual([])
    if (n % 4 === 0)
      expect(told(await findingsOf(checkInFile(checkInTables(insured(n), visitOf(n))), 'checkIn'))).toEqual([])
  }
})

/** 200 dossiers among which the fields are dealt; each field of each of them: `npm run loadtest -- dossiers`. */
const DOSSIERS = 200
const CASES = FIELD_CASES.map((each, n) => ({ ...each, of: each.table, name: each.field.name, n }))

test.each(CASES)('$of $name, broken, would not be found', async ({ table, field, n }) => {
  expect(await wrongOf({ table, field }, n % DOSSIERS)).toEqual([])
})

test('a dossier would have no field broken, or a table no field', () => {
  expect(CASES.length).toBeGreaterThan(DOSSIERS)
  expect(new Set(CASES.map(({ table }) => table)).size).toBe(15) // XML12 does not travel
})

test('a field that a later decision brought would be asked of an earlier visit, or MUC_HUONG keep its old length', async () => {
  const old = claimTables(insured(1), visitOf(1, isoDate('2024-12-31')))
  const summary = old['XML1']?.[0] ?? {}
  delete summary['NHOM_MAU']
  expect(told(await findingsOf(claimFile(old, FACILITY)))).toEqual([])
  const wide = (day: string) => {
    const tables = claimTables(insured(1), visitOf(1, isoDate(day)))
    for (const line of tables['XML3'] ?? []) line['MUC_HUONG'] = '47.5'
    return claimFile(tables, FACILITY)
  }
  expect((await findingsOf(wide('2026-06-29'))).map(({ code }) => code)).toContain('field_too_long')
  expect(told(await findingsOf(wide('2026-07-10')))).toEqual([])
  expect(STANDARDS.map(({ name }) => name)).toEqual(['QD4750', 'QD3176', 'QD1931'])
})

test.each<[string, (tables: Tables) => void, string, string]>([
  ['T_BHTT is not what is left', (t) => set(t, 'XML1', 'T_BHTT', '1.00'), 'amount_sum', 'T_BHTT'],
  [
    'a total is not the sum of its lines',
    (t) => set(t, 'XML1', 'T_TONGCHI_BV', '0.01'),
    'amount_lines',
    'T_TONGCHI_BV',
  ],
  ['drugs cost otherwise', (t) => set(t, 'XML1', 'T_THUOC', '0.01'), 'amount_lines', 'T_THUOC'],
  ['a supply is no supply in the summary', (t) => set(t, 'XML3', 'MA_VAT_TU', 'N03.01'), 'amount_lines', 'T_VTYT'],
  ['a line is not its product', (t) => set(t, 'XML2', 'DON_GIA', '7.001'), 'amount_product', 'THANH_TIEN_BV'],
  ['out before in', (t) => set(t, 'XML1', 'NGAY_RA', '202601010000'), 'dates_disorder', 'NGAY_RA'],
  [
    'two cards, one term',
    (t) => set(t, 'XML1', 'MA_THE_BHYT', 'GD4383800012345;GD4383800012346'),
    'cards_uneven',
    'MA_DKBD',
  ],
  ['a leave ends before it begins', (t) => set(t, 'XML11', 'DEN_NGAY', '20261101'), 'dates_disorder', 'DEN_NGAY'],
  ['a slip is not of a transfer', (t) => set(t, 'XML13', 'MA_LOAI_RV', '1'), 'field_not_code', 'MA_LOAI_RV'],
])('it would not be seen that %s', async (_, change, code, field) => {
  const tables = claim(7, true)
  change(tables)
  const findings = await findingsOf(claimFile(tables, FACILITY))
  expect(findings.map((each) => `${each.code} ${each.field}`)).toContain(`${code} ${field}`)
})

function set(tables: Tables, table: string, field: string, text: string): void {
  const row = tables[table]?.[0]
  if (row !== undefined) row[field] = text
}

test('a table that stands twice, elsewhere or is none would pass', async () => {
  const tables = claim(3)
  const xml = (name: string) => fileOf(name, tableXml(name, tables[name] ?? []))
  const codes = async (files: string[]) =>
    (await findingsOf(envelope(files, FACILITY))).map(({ code, table }) => `${code} ${table}`)
  expect(await codes([xml('XML1'), xml('XML2'), xml('XML3'), xml('XML3')])).toContain('table_repeated XML3')
  expect(await codes([xml('XML1'), fileOf('XML12', '<A><MA_LK>L-3</MA_LK></A>')])).toContain('table_unknown XML12')
  const bare = tableXml('XML2', tables['XML2'] ?? []).replace(/<\/?CHITIEU_CHITIET_THUOC>/g, '')
  expect(await codes([xml('XML1'), fileOf('XML2', bare), xml('XML3')])).toContain('table_structure XML2')
  expect(
    await codes([
      xml('XML1'),
      fileOf('XML13', '<CHI_TIEU_GIAYCHUYENTUYEN><SO_HOSO>1</SO_HOSO></CHI_TIEU_GIAYCHUYENTUYEN>'),
    ]),
  ).toContain('field_missing XML13')
})

test('thousands of faults would all be kept', async () => {
  const tables = claim(4)
  const line = { ...tables['XML3']?.[0], SO_LUONG: 'x' }
  tables['XML3'] = Array.from({ length: 500 }, () => line)
  expect(await findingsOf(claimFile(tables, FACILITY))).toHaveLength(FINDINGS_MAX)
})

describe('what is no dossier', () => {
  const refusal = async (bytes: string | Uint8Array, kind: ShareKind = 'claim', visitId: string | null = null) => {
    try {
      subjectOf(await readDossier(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, kind), FACILITY, visitId, NOW)
      return null
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error
      return error.detail === null ? error.code : `${error.code}: ${error.detail}`
    }
  }
  const good = () => claimFile(claim(1), FACILITY)
  const inner = (xml: string) => envelope([fileOf('XML1', xml)], FACILITY)

  test.each<[string, () => string | Uint8Array, RegExp]>([
    ['nothing', () => '', /not well-formed|no element/],
    ['text', () => 'hồ sơ', /not well-formed/],
    ['another root', () => '<HOSO/>', /root of a claim/],
    ['a DOCTYPE with entities', () => `<!DOCTYPE a [<!ENTITY b "c">]>${good().slice(40)}`, /DOCTYPE|well-formed/],
    [
      'an entity bomb inside a table',
      () => inner('<!DOCTYPE l [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><TONG_HOP>&b;</TONG_HOP>'),
      /XML1: a DOCTYPE/,
    ],
    ['an unknown entity', () => inner('<TONG_HOP><MA_LK>&x;</MA_LK></TONG_HOP>'), /XML1: not well-formed/],
    ['a processing instruction', () => inner('<?php x?><TONG_HOP/>'), /processing instruction/],
    ['XML 1.1', () => inner('<?xml version="1.1"?><TONG_HOP/>'), /not XML 1.0/],
    ['UTF-16 as it says', () => inner('<?xml version="1.0" encoding="UTF-16"?><TONG_HOP/>'), /not UTF-8/],
    ['UTF-16 as it is', () => Buffer.from(good(), 'utf16le'), /not UTF-8|well-formed/],
    [
      'bytes that are no UTF-8',
      () => Buffer.concat([Buffer.from('<GIAMDINHHS>'), Buffer.from([0xff, 0xfe])]),
      /not UTF-8/,
    ],
    ['deep nesting', () => inner(`${'<a>'.repeat(5_000)}${'</a>'.repeat(5_000)}`), /XML1: nested too deep/],
    ['base64 that is none', () => good().replace('<NOIDUNGFILE>', '<NOIDUNGFILE>*'), /not base64/],
    [
      'base64 with stray bits',
      () => envelope(['<FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>QQ=</NOIDUNGFILE></FILEHOSO>'], FACILITY),
      /not base64/,
    ],
    ['no XML1', () => envelope([], FACILITY), /XML1: not there/],
    ['no MA_LK', () => inner('<TONG_HOP><MA_CSKCB>38001</MA_CSKCB></TONG_HOP>'), /MA_LK/],
    ['two HOSO', () => good().replace('<HOSO>', '<HOSO></HOSO><HOSO>'), /dossier_several_visits/],
    [
      'a line of another visit',
      () => claimFile({ ...claim(1), XML2: claim(2)['XML2'] ?? [] }, FACILITY),
      /dossier_several_visits/,
    ],
    ['another facility in the envelope', () => claimFile(claim(1), '38002'), /dossier_other_facility/],
    [
      'another facility in XML1',
      () => claimFile(changed('XML1', 'MA_CSKCB', '01001'), FACILITY),
      /dossier_other_facility/,
    ],
    [
      'a state secret',
      () => claimFile(changed('XML1', 'DU_PHONG', 'Độ mật: TỐI MẬT'), FACILITY),
      /dossier_state_secret/,
    ],
    ['a state secret in a line', () => claimFile(changed('XML3', 'DU_PHONG', 'MẬT'), FACILITY), /dossier_state_secret/],
  ])('%s would be taken', async (_, make, says) => {
    expect(await refusal(make())).toMatch(says)
  })

  test('another visit than the one it came with would be taken', async () => {
    expect(await refusal(good(), 'claim', 'L-2')).toBe('dossier_other_visit')
    expect(await refusal(good(), 'claim', 'L-1')).toBeNull()
  })

  test('bile would be a state secret', async () => {
    expect(await refusal(claimFile(changed('XML1', 'GHI_CHU', 'Dịch mật trào ngược'), FACILITY))).toBeNull()
  })

  test('what is refused would show a value', async () => {
    const name = String(claim(1)['XML1']?.[0]?.['HO_TEN'])
    const broken = envelope([fileOf('XML1', `<TONG_HOP><HO_TEN>${name}</HO_TEN>`)], FACILITY)
    expect(await refusal(broken)).not.toContain(name)
  })

  function changed(table: string, field: string, text: string): Tables {
    const tables = claim(1)
    set(tables, table, field, text)
    return tables
  }
})

describe('HIV', () => {
  const says = async (tables: Tables) =>
    saysHiv((await readDossier(Buffer.from(claimFile(tables, FACILITY)), 'claim')).tables)
  test('a dossier that says nothing of it would be hidden from auditors', async () => {
    for (let n = 0; n < 50; n++) expect(await says(claim(n))).toBe(false)
  })
  test.each<[string, (tables: Tables) => void]>([
    ['XML6', (t) => Object.assign(t, { XML6: [{ MA_LK: 'L-1', NGAYKD_HIV: '' }] })],
    ['B20', (t) => set(t, 'XML1', 'MA_BENH_CHINH', 'B20.1')],
    ['B24 beside others', (t) => set(t, 'XML1', 'MA_BENH_KT', 'I10;B24')],
    ['Z21 of a line', (t) => set(t, 'XML3', 'MA_BENH', 'Z21')],
    ['a drug', (t) => set(t, 'XML2', 'TEN_THUOC', 'Tenofovir disoproxil 300mg')],
    ['a test by its name', (t) => set(t, 'XML3', 'TEN_DICH_VU', 'HIV Ab test nhanh')],
    ['a test by its code', (t) => set(t, 'XML3', 'MA_DICH_VU', '24.0169.1616')],
    ['the diagnosis', (t) => set(t, 'XML1', 'CHAN_DOAN_RV', 'Nhiễm HIV giai đoạn 1')],
  ])('%s would be shown to whoever may not see it', async (_, change) => {
    const tables = claim(1)
    change(tables)
    expect(await says(tables)).toBe(true)
  })
})

describe('decimals', () => {
  const d = (text: string) => parseDecimal(text) ?? { units: 0n, scale: 0 }
  test('amounts would be rounded as binary fractions are', () => {
    expect(isEqual(add(d('0.1'), d('0.2')), d('0.3'))).toBe(true)
    expect(isEqual(round(multiply(d('1.005'), d('100')), 2), d('100.50'))).toBe(true)
    expect(round(d('1.005'), 2)).toEqual({ units: 101n, scale: 2 })
    expect(round(d('-1.005'), 2)).toEqual({ units: -101n, scale: 2 })
    expect(round(d('2.344'), 2)).toEqual({ units: 234n, scale: 2 })
    expect(subtract(d('1'), d('0.01'))).toEqual({ units: 99n, scale: 2 })
  })
  test.each(['', '.5', '1.', '1,000', '1e3', ' 1', '+1', '0x1', '١'])('%j would be a number', (text) => {
    expect(parseDecimal(text)).toBeNull()
  })
})
