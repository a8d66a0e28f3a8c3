import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { person, personsForRecords } from '../mocks/province/person.ts'
import { chipIdQrText } from '../mocks/province/qr.ts'
import { issueAccessToken } from '../src/access/access-token.ts'
import { ROLE_SCOPES } from '../src/access/principal.ts'
import { anyFreePort } from '../src/cli/embedded/port.ts'
import { documentFuzz } from './document-fuzz.ts'
import { seeded } from './seeded.ts'
import { startServe } from './serve-process.ts'
import { withThrowawayProvince } from './throwaway-province.ts'

const RECORDS = 2_000

/** The fuzz made from the OpenAPI document, at full size, on a server and a PostgreSQL of its own. Ends with 1 on any fault. */
export async function fuzz(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { requests: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } },
  })
  const [requests, seed] = [Number(values.requests), Number(values.seed)]
  await withThrowawayProvince(
    'fuzz',
    RECORDS,
    () => {},
    async ({ owner, appUrl, keysFolder, tokenKeys, serviceId, province }) => {
      const issue = (clientId: string, role: 'facility' | 'auditor') => {
        const claims = { clientId, keyId: 'demo-1', scopes: ROLE_SCOPES[role], lifeSeconds: 3_600 }
        return issueAccessToken(tokenKeys, serviceId, new Date(), claims)
      }
      const tokens = {
        facility: await issue('facility:38001', 'facility'),
        auditor: await issue('auditor:demo', 'auditor'),
      }
      const server = await startServe({ databaseUrl: appUrl, keysFolder, port: await anyFreePort() })
      const began = performance.now()
      const figures = await documentFuzz({
        url: server.url,
        document: await readFile(new URL('../src/http/openapi.json', import.meta.url), 'utf8'),
        requests,
        random: seeded(seed),
        bodies: Array.from({ length: 200 }, (_, n) => ({
          evidence: { kind: 'chipIdQr', text: chipIdQrText(person(province, n % personsForRecords(RECORDS))) },
          serviceDate: province.baseDate,
          purpose: 'arrival',
        })),
        tokenOf: (role) => tokens[role],
      })
      const seconds = Math.round((performance.now() - began) / 1000)
      await server.terminate()
      // what was refused is counted, and written at the drain: no answer acknowledged it
      const [log] = await owner<{ deeds: number; refused: number }[]>`
        select count(*) filter (where kind <> 'refusedCalls')::int as deeds,
               count(*) filter (where kind = 'refusedCalls')::int as refused
          from (select body::json ->> 'kind' as kind from log_entry) as e`
      const grew = log?.deeds === figures.deeds
      process.stdout.write(`${JSON.stringify({ seed, seconds, ...figures, log }, null, 2)}\n`)
      process.stderr.write(grew && figures.wrong.length === 0 ? 'every promise held\n' : 'BROKEN\n')
      if (!grew || figures.wrong.length > 0) process.exitCode = 1
    },
  )
}
