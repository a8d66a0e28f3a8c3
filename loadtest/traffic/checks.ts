import { chipIdQrText } from '../../mocks/province/qr.ts'
import type { Outcome } from '../open-loop/samples.ts'
import { type Ask, judgeFailure, type OpenTraffic } from '../open-loop/traffic.ts'
import { ASKS_MAX, arrivals, type Crowd } from './crowd.ts'

export interface ChecksSettings extends Crowd {
  /** Access tokens in the order of `facilities()`. */
  readonly tokens: readonly string[]
}

const PATH = '/v1/verifications'

/** Scans at the desks of all facilities; each answer must be the decision that the person was made for, with a receipt. */
export const openTraffic: OpenTraffic<ChecksSettings> = (settings, random, expected) => {
  const next = arrivals(settings, random)
  const asks = Array.from({ length: Math.max(1, Math.min(expected, ASKS_MAX)) }, (): Ask => {
    const { someone, facility } = next()
    const evidence = { kind: 'chipIdQr', text: chipIdQrText(someone) }
    const code = someone.expected.code
    return {
      path: PATH,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${settings.tokens[facility]}` },
      body: JSON.stringify({ evidence, serviceDate: settings.province.baseDate, purpose: 'arrival' }),
      judge: (status, text) => judgeCheck(status, text, code),
    }
  })
  return { ask: (n) => asks[n % asks.length] as Ask }
}

/**
 * Cheap: it runs beside the server that it judges. A copy that could not be read is told as such, undetermined and recorded:
 * no wrong answer, and none that anybody is served with.
 */
export function judgeCheck(status: number, text: string, code: string): Outcome {
  if (status !== 200) return judgeFailure(status, text)
  if (text.includes(`"code":"${code}"`) && text.includes('"receipt":{"checkCode":"'))
    return { kind: 'right', name: code }
  if (text.includes('"code":"source_failed"')) return { kind: 'refused', name: 'source_failed' }
  return { kind: 'wrong', name: `${/"code":"(\w+)"/.exec(text)?.[1] ?? 'no code'} for ${code}` }
}
