import autocannon from 'autocannon'

export interface Call {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface ClosedLoop {
  readonly requestsPerSecond: number
  readonly requests: number
  readonly failures: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** As fast as they come back, from `connections` clients, each with its own share of the calls. */
export async function closedLoop(
  url: string,
  calls: readonly Call[],
  connections: number,
  seconds: number,
): Promise<ClosedLoop> {
  let next = 0
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    method: 'POST',
    setupClient: (client) => {
      // a share of its own: autocannon builds each request of each client before it starts
      const from = next++
      const own = calls.filter((_, i) => i % connections === from % connections)
      client.setRequests(own.map((call) => ({ method: 'POST', path: '/v1/verifications', ...call })))
    },
  })
  return {
    requestsPerSecond: result.requests.total / result.duration,
    requests: result.requests.total,
    failures: result.non2xx + result.errors + result.timeouts,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
  }
}
