import { checkClaim } from './check-claim.ts'
import { checkTable } from './check-fields.ts'
import { type Dossier, envelopeText } from './dossier.ts'
import type { Findings } from './finding.ts'
import type { Standard } from './tables.ts'

/** All that a dossier can be held to without asking anybody. `day`: when the visit ends, `yyyyMMdd`. */
export function checkDossier(dossier: Dossier, standard: Standard, day: string, findings: Findings): void {
  const seen = new Set<string>()
  for (const table of dossier.tables) {
    const spec = standard.tables.get(table.name)
    const whole = { table: table.name, row: null, field: null, path: table.path }
    if (spec === undefined || (table.name === 'XML0') !== (dossier.kind === 'checkIn')) {
      findings.add({ code: 'table_unknown', ...whole })
    } else {
      if (seen.has(table.name)) findings.add({ code: 'table_repeated', ...whole })
      checkTable(table, spec, day, findings)
    }
    seen.add(table.name)
  }
  if (dossier.kind === 'checkIn') return
  const count = envelopeText(dossier.root, 'THONGTINHOSO', 'SOLUONGHOSO')
  if (count !== '1') {
    const path = '/GIAMDINHHS/THONGTINHOSO/SOLUONGHOSO'
    findings.add({ code: 'count_dossiers', table: null, row: null, field: 'SOLUONGHOSO', path })
  }
  checkClaim(dossier.tables, findings)
}
