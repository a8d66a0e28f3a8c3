import { claimFile } from '../../mocks/dossier/file.ts'
import { claimTables } from '../../mocks/dossier/visit.ts'
import { facilities } from '../../mocks/province/facilities.ts'
import { type Ask, judgeFailure, type OpenTraffic } from '../open-loop/traffic.ts'
import type { ChecksSettings } from './checks.ts'
import { arrivals } from './crowd.ts'

/** Some 20 KB each; then they come again, and are told what was recorded. */
const DIFFERENT = 2_000

/** Dossiers of visits of today, each of another visit, unsigned, to be recorded only. */
export const openTraffic: OpenTraffic<ChecksSettings> = (settings, random, expected) => {
  const next = arrivals(settings, random)
  const codes = facilities().map(({ code }) => code)
  const asks = Array.from({ length: Math.max(1, Math.min(expected, DIFFERENT)) }, (): Ask => {
    const { someone, facility } = next()
    const code = codes[facility] ?? ''
    const visitId = `load-${Math.floor(random() * 1e9).toString(36)}-${Math.floor(random() * 1e9).toString(36)}`
    const visit = { facility: code, visitId, day: settings.province.baseDate, seed: 'mixed' }
    const dossier = Buffer.from(claimFile(claimTables(someone, visit), code)).toString('base64')
    return {
      path: '/v1/claim-shares',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${settings.tokens[facility]}` },
      body: JSON.stringify({ kind: 'claim', visitId, dossier }),
      judge: (status, text) => (status === 202 ? { kind: 'right', name: 'claim' } : judgeFailure(status, text)),
    }
  })
  return { ask: (n) => asks[n % asks.length] as Ask }
}
