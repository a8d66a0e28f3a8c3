import { parseArgs } from 'node:util'
import { Agent } from 'undici'
import { claimFile, signed } from '../mocks/dossier/file.ts'
import { claimTables } from '../mocks/dossier/visit.ts'
import { person } from '../mocks/province/person.ts'
import { chipIdQrText } from '../mocks/province/qr.ts'
import { issueAccessToken } from '../src/access/access-token.ts'
import { type ClientId, ROLE_SCOPES } from '../src/access/principal.ts'
import { anyFreePort } from '../src/cli/embedded/port.ts'
import { type Call, closedLoop } from './closed-loop.ts'
import { startServe } from './serve-process.ts'
import { type ThrowawayProvince, withThrowawayProvince } from './throwaway-province.ts'

/**
 * Claim shares that one process takes, signed and unsigned in turn, and what single checks notice of them: p50 and p99 of a
 * few desks alone and beside shares without a pause.
 */
export async function shares(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      shares: { type: 'string', default: '250' },
      rounds: { type: 'string', default: '4' },
      clients: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '5' },
    },
  })
  const [count, rounds, clients, seconds] = [values.shares, values.rounds, values.clients, values.seconds].map(Number)
  if (!count || !rounds || !clients || !seconds) throw new Error('whole numbers from 1 on')
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  await withThrowawayProvince(
    'shares',
    2_000,
    () => {},
    async (made) => {
      const server = await startServe({
        databaseUrl: made.appUrl,
        keysFolder: made.keysFolder,
        port: await anyFreePort(),
        env: { SERVICE_ID: made.serviceId },
      })
      try {
        const headers = { authorization: `Bearer ${await tokenOf(made)}` }
        const checks = checksOf(made, headers)
        let visits = 0
        // made before the clock runs
        const files = (sign: boolean) =>
          Array.from({ length: count }, () => {
            const n = visits++
            const visit = { facility: '38001', visitId: `L-${n}`, day: made.province.baseDate, seed: 'load' }
            const file = claimFile(claimTables(person(made.province, n % 1_900), visit), '38001')
            return sign ? signed(file) : file
          })
        await send(server.url, headers, files(true).slice(0, 50), clients) // warm: code, caches
        await closedLoop(server.url, checks, 4, 2)
        const ratios: number[] = []
        const slower: number[] = []
        for (let round = 1; round <= rounds; round++) {
          const [plain, whole, during] = [files(false), files(true), files(true)]
          const unsigned = await send(server.url, headers, plain, clients)
          const signedRate = await send(server.url, headers, whole, clients)
          const alone = await closedLoop(server.url, checks, 4, seconds)
          const sending = send(server.url, headers, during, clients)
          const beside = await closedLoop(server.url, checks, 4, seconds)
          const rate = await sending
          if (alone.failures + beside.failures > 0) throw new Error('a check failed')
          ratios.push(signedRate / unsigned)
          slower.push(beside.p99Ms / alone.p99Ms)
          const kB = Math.round(Buffer.byteLength(whole[0] ?? '') / 1_000)
          say(
            `round ${round}  unsigned ${unsigned.toFixed(0)}/s, signed ${signedRate.toFixed(0)}/s (${kB} kB each)  ` +
              `checks alone ${alone.requestsPerSecond.toFixed(0)}/s, p50 ${alone.p50Ms} ms, p99 ${alone.p99Ms} ms; ` +
              `beside ${rate.toFixed(0)} shares/s ${beside.requestsPerSecond.toFixed(0)}/s, p50 ${beside.p50Ms} ms, p99 ${beside.p99Ms} ms`,
          )
        }
        say(
          `signed ÷ unsigned, median ${median(ratios).toFixed(2)}; p99 of checks beside ÷ alone, median ${median(slower).toFixed(1)}`,
        )
      } finally {
        await server.terminate()
      }
    },
  )
}

async function tokenOf(made: ThrowawayProvince): Promise<string> {
  return issueAccessToken(made.tokenKeys, made.serviceId, new Date(), {
    clientId: 'facility:38001' as ClientId,
    keyId: 'demo-1',
    scopes: ROLE_SCOPES.facility,
    lifeSeconds: 3_600,
  })
}

function checksOf(made: ThrowawayProvince, headers: Readonly<Record<string, string>>): Call[] {
  return Array.from({ length: 1_000 }, (_, n) => {
    const evidence = { kind: 'chipIdQr', text: chipIdQrText(person(made.province, n)) }
    const body = JSON.stringify({ evidence, serviceDate: made.province.baseDate, purpose: 'arrival' })
    return { headers: { ...headers, 'content-type': 'application/json' }, body }
  })
}

/** All files, each once, from some clients; shares/s. */
async function send(
  url: string,
  headers: Readonly<Record<string, string>>,
  files: readonly string[],
  clients: number,
): Promise<number> {
  const agent = new Agent({ connections: clients, pipelining: 1 })
  const began = performance.now()
  let next = 0
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (let n = next++; n < files.length; n = next++) {
        const reply = await agent.request({
          origin: url,
          path: '/v1/claim-shares',
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/xml' },
          body: files[n] ?? '',
        })
        await reply.body.text()
        if (reply.statusCode !== 202) throw new Error(`a share gave ${reply.statusCode}`)
      }
    }),
  )
  const seconds = (performance.now() - began) / 1_000
  await agent.destroy()
  return files.length / seconds
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
