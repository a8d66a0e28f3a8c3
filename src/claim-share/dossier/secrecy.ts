import type { Table } from './dossier.ts'

/**
 * Dossiers under state secrecy do not travel this way (TT 12/2026 Đ9 k5). The tables have no field for it and no text says
 * how such a dossier is marked, so the rule is ours: one of the three degrees of Luật 29/2018/QH14 Đ8, as the whole of a
 * note or a spare field, with or without `Độ mật:` before it, or any field called DO_MAT that says one. Words within a
 * sentence are none: `mật` is bile, too.
 */
const NOTES = new Set(['DU_PHONG', 'GHI_CHU', 'DO_MAT'])
const DEGREE = /^(?:độ mật\s*:\s*)?(?:tuyệt mật|tối mật|mật)$/u
const PLAIN_DEGREE = /^(?:tuyet mat|toi mat|mat|tuyet_mat|toi_mat|[abc])$/

export function isStateSecret(tables: readonly Table[]): boolean {
  return tables.some(({ rows }) => rows.some(({ fields }) => [...fields].some(([name, text]) => isMarked(name, text))))
}

function isMarked(name: string, text: string): boolean {
  if (!NOTES.has(name) || text.length > 40) return false
  const plain = text
    .normalize('NFC')
    .toLowerCase()
    .replaceAll(/^[[("'\s]+|[\])"'.\s]+$/g, '')
  return DEGREE.test(plain) || (name === 'DO_MAT' && PLAIN_DEGREE.test(plain))
}
