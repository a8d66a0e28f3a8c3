import { type Ask, judgeFailure, type OpenTraffic } from '../open-loop/traffic.ts'
import { arrivals, type Crowd } from './crowd.ts'

export interface SearchesSettings extends Crowd {
  /** Of an auditor. */
  readonly token: string
}

/** Auditors who look people up; each search is an entry of the log. */
export const openTraffic: OpenTraffic<SearchesSettings> = ({ token, ...crowd }, random) => {
  const next = arrivals(crowd, random)
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${token}`,
    'audit-purpose': 'complaint',
    'audit-case': 'LOAD-1',
  }
  return {
    ask: (): Ask => ({
      path: '/v1/audit/search',
      headers,
      body: JSON.stringify({ citizenId: next().someone.citizenId }),
      judge: (status, text) =>
        status === 200 && text.includes('"items":[') ? { kind: 'right', name: 'search' } : judgeFailure(status, text),
    }),
  }
}
