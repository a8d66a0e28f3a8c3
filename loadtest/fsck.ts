import { generateKeyPairSync } from 'node:crypto'
import { parseArgs } from 'node:util'
import { LOG_ID } from '../src/audit/log.ts'
import { sealPass } from '../src/audit/seal/seal.ts'
import { readSealState } from '../src/audit/seal/store.ts'
import { ed25519Signer, ed25519Verifier, rawPublicKey } from '../src/audit/signed-note.ts'
import { deriveDataKeys } from '../src/data-keys.ts'
import type { Sql } from '../src/db/connect.ts'
import { seeded } from './seeded.ts'
import { splitViews } from './split-view.ts'
import { check, fillLog, keepAside, tamper } from './tampering.ts'
import { withThrowawayProvince } from './throwaway-province.ts'

/**
 * What `kiemthe fsck` reads a second, with and without opening details; then the tampering campaign at full size. Ends
 * with 1 when something that was changed is not found and named.
 */
export async function fsckScenario(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      entries: { type: 'string', default: '300000' },
      rounds: { type: 'string', default: '3' },
      steps: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
    },
  })
  const [entries = 0, rounds = 0, steps = 0, seed = 0] = [values.entries, values.rounds, values.steps, values.seed].map(
    Number,
  )
  await withThrowawayProvince(
    'fsck',
    100,
    () => {},
    async ({ owner, dataKeys }) => {
      const keys = deriveDataKeys(dataKeys)
      const verifier = await sealed(owner, async () => fillLog(owner, keys, SMALL))
      await keepAside(owner)
      let found = 0
      const missed = new Map<string, number>()
      await tamper(owner, keys, verifier, { steps, sealed: SMALL, random: seeded(seed) }, ({ kind, named }) => {
        if (named) found++
        else missed.set(kind, (missed.get(kind) ?? 0) + 1)
      })
      await splitViews({ steps: Math.ceil(steps / 10), random: seeded(seed) }, ({ kind, named }) => {
        if (named) found++
        else missed.set(kind, (missed.get(kind) ?? 0) + 1)
      })
      const tried = steps + Math.ceil(steps / 10)
      say(`${found} of ${tried} changes found and named`)
      for (const [kind, count] of missed) say(`  not named: ${kind} × ${count}`)
      if (found < tried) process.exitCode = 1

      const large = await sealed(owner, async () => fillLog(owner, keys, entries))
      const size = SMALL + entries
      for (let round = 1; round <= rounds; round++) {
        for (const [what, opened] of [
          ['without details', null],
          ['details opened', keys],
        ] as const) {
          const [began, cpu] = [performance.now(), process.cpuUsage()]
          const report = await check(owner, opened, large)
          if (report.findings.length > 0) throw new Error(`a sound log: ${JSON.stringify(report.findings[0])}`)
          const { user, system } = process.cpuUsage(cpu)
          const perCore = size / ((user + system) / 1e6)
          say(
            `round ${round}  ${what}: ${(size / ((performance.now() - began) / 1e3)).toFixed(0)} entries/s, ${perCore.toFixed(0)} a second of our processor time`,
          )
        }
      }
    },
  )
}

/** Of the campaign: three tiles and a beginning. Each step reads all of it. */
const SMALL = 800

async function sealed(sql: Sql, fill: () => Promise<void>) {
  await fill()
  const { privateKey } = generateKeyPairSync('ed25519')
  const { origin } = await readSealState(sql, LOG_ID)
  const verifier = ed25519Verifier(origin, rawPublicKey(privateKey))
  // a key of its own each time: what was published under the former one is taken back
  await sql`delete from log_checkpoint`
  const job = {
    logId: LOG_ID,
    query: <T>(work: (on: Sql) => Promise<T>) => work(sql),
    signer: ed25519Signer(origin, privateKey),
    verifier,
    former: null,
    mark: null,
  }
  while ((await sealPass({ ...job, cosign: async ({ note }) => note, isCosigned: () => true })).more);
  return verifier
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
