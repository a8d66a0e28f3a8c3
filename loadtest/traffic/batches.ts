import { chipIdQrText } from '../../mocks/province/qr.ts'
import { type Ask, judgeFailure, type OpenTraffic } from '../open-loop/traffic.ts'
import type { ChecksSettings } from './checks.ts'
import { arrivals } from './crowd.ts'

export interface BatchesSettings extends ChecksSettings {
  readonly items: number
}

/** Batches are large: as many different ones are enough. */
const DIFFERENT = 20

/** The appointments of a facility, many at once; every item must be answered as that person must be. */
export const openTraffic: OpenTraffic<BatchesSettings> = (settings, random, expected) => {
  const next = arrivals(settings, random)
  const asks = Array.from({ length: Math.max(1, Math.min(expected, DIFFERENT)) }, (): Ask => {
    const { facility } = next()
    const people = Array.from({ length: settings.items }, () => next().someone)
    const items = people.map((someone) => ({
      evidence: { kind: 'chipIdQr', text: chipIdQrText(someone) },
      serviceDate: settings.province.baseDate,
      purpose: 'arrival',
    }))
    const codes = people.map((each) => each.expected.code)
    return {
      path: '/v1/verifications/batch',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${settings.tokens[facility]}` },
      body: JSON.stringify({ items }),
      judge: (status, text) => {
        if (status !== 200) return judgeFailure(status, text)
        const told = (JSON.parse(text) as { items: { verification?: { code: string } }[] }).items
        const wrong = codes.filter((code, i) => told[i]?.verification?.code !== code).length
        return wrong === 0 ? { kind: 'right', name: 'batch' } : { kind: 'wrong', name: `${wrong} items` }
      },
    }
  })
  return { ask: (n) => asks[n % asks.length] as Ask }
}
