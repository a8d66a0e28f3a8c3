import type { Ask, OpenTraffic } from '../open-loop/traffic.ts'

/** Bytes for a control that reads them and answers others. */
export function plainAsk(bodyBytes: number): Ask {
  return {
    path: '/',
    headers: { 'content-type': 'application/octet-stream' },
    body: 'x'.repeat(bodyBytes),
    judge: (status) => ({ kind: status === 200 ? 'right' : 'failed', name: String(status) }),
  }
}

export const openTraffic: OpenTraffic<{ readonly bodyBytes: number }> = ({ bodyBytes }) => {
  const ask = plainAsk(bodyBytes)
  return { ask: () => ask }
}
