import { parseArgs } from 'node:util'
import { person, personsForRecords } from '../mocks/province/person.ts'
import { chipIdQrText } from '../mocks/province/qr.ts'
import { issueAccessToken, TOKEN_LIFE_SECONDS } from '../src/access/access-token.ts'
import { ROLE_SCOPES } from '../src/access/principal.ts'
import { anyFreePort } from '../src/cli/embedded/port.ts'
import { broken, crashRun } from './crash-run.ts'
import type { Ask } from './keyed-load.ts'
import { seeded } from './seeded.ts'
import { type ThrowawayProvince, withThrowawayProvince } from './throwaway-province.ts'

const CLIENTS = ['facility:38001', 'facility:38002', 'facility:38003', 'facility:38004']

/**
 * Kills `kiemthe serve` under load, N times, on a PostgreSQL of its own that waits for its disk (fsync on). Ends with 1
 * when an answer was lost, a request was recorded twice, or the log has a gap.
 */
export async function crash(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      kills: { type: 'string', default: '500' },
      seed: { type: 'string', default: '1' },
      cards: { type: 'string', default: '20000' },
      desks: { type: 'string', default: '32' },
    },
  })
  const [kills, seed, cards, desks] = [values.kills, values.seed, values.cards, values.desks].map(Number)
  if (!kills || seed === undefined || !Number.isInteger(seed) || !cards || !desks) throw new TypeError('whole numbers')

  await withThrowawayProvince('crash', cards, say, async (made) => {
    const tokens = await renewedTokens(made)
    const people = personsForRecords(cards)
    const began = performance.now()
    const figures = await crashRun({
      serve: { databaseUrl: made.appUrl, keysFolder: made.keysFolder, port: await anyFreePort() },
      owner: made.owner,
      dataKeys: made.dataKeys,
      kills,
      desks,
      random: seeded(seed),
      tokenOf: (client) => tokens.of(client),
      makeAsk: (n): Ask => ({
        key: `crash-${seed}-${n}`,
        client: CLIENTS[n % CLIENTS.length] ?? '',
        body: JSON.stringify({
          evidence: { kind: 'chipIdQr', text: chipIdQrText(person(made.province, (n * 7_919) % people)) },
          serviceDate: made.province.baseDate,
          purpose: 'arrival',
        }),
      }),
      onKill: (done, acknowledged) => {
        if (done % 25 === 0 || done === kills) say(`${done}/${kills} kills, ${acknowledged} acknowledged`)
      },
    })
    tokens.stop()
    process.stdout.write(`${JSON.stringify({ seed, minutes: minutesSince(began), ...figures }, null, 2)}\n`)
    const wrong = broken(figures)
    if (wrong.length > 0) process.exitCode = 1
    say(wrong.length === 0 ? 'every promise held' : `BROKEN: ${wrong.join('; ')}`)
  })
}

/** Tokens of the clients, made anew long before they expire. */
async function renewedTokens({ tokenKeys, serviceId }: ThrowawayProvince) {
  const tokens = new Map<string, string>()
  const renew = async () => {
    for (const clientId of CLIENTS) {
      const issue = { clientId, keyId: 'demo-1', scopes: ROLE_SCOPES.facility, lifeSeconds: TOKEN_LIFE_SECONDS }
      tokens.set(clientId, await issueAccessToken(tokenKeys, serviceId, new Date(), issue))
    }
  }
  await renew()
  const timer = setInterval(renew, (TOKEN_LIFE_SECONDS * 1000) / 4)
  return { of: (client: string) => tokens.get(client) ?? '', stop: () => clearInterval(timer) }
}

function minutesSince(began: number): number {
  return Math.round((performance.now() - began) / 6_000) / 10
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

if (import.meta.main) await crash(process.argv.slice(2))
