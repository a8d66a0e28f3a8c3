import { setTimeout as sleep } from 'node:timers/promises'
import { type Logger, pino } from 'pino'
import { LOG_ID } from '../audit/log.ts'
import { type SealJob, type SealPass, SealRefused, sealPass } from '../audit/seal/seal.ts'
import { readSealState, saveLogKey } from '../audit/seal/store.ts'
import {
  ED25519,
  ed25519Signer,
  ed25519Verifier,
  type NoteVerifier,
  openNote,
  rawPublicKey,
  verifierKeyText,
} from '../audit/signed-note.ts'
import { cosignBy } from '../audit/witness/client.ts'
import type { Policy } from '../audit/witness/policy.ts'
import { connect } from '../db/connect.ts'
import { createPool } from '../db/pool.ts'
import { oddSession, powersOverTheLog } from '../db/readiness.ts'
import { describeFailure } from '../event.ts'
import { readPolicyFile } from '../host/witness-policy.ts'
import { StartError } from '../node.ts'
import { readArguments } from './arguments.ts'
import { readSealConfig, readSealKey, type SealConfig, sealMark } from './seal-config.ts'

/**
 * The promise is 10 s from recording to publishing. An entry waits for the next pass 1 s at the most; the pass before it
 * takes 0.1 s when nothing is behind, and 1–2 s after a minute of 30,000 entries/s; what is left, 7 s, is the witnesses'.
 */
const POLL_MS = 1_000
/** So an entry waits 3 s for the pass before it, 1 s for the poll and 3 s for its own witnesses, and is still in time. */
const WITNESS_DEADLINE_MS = 3_000
/** A fault does not mend itself, but a database that was down does: tried at every poll, told once in this while. */
const TELL_AGAIN_MS = 60_000
/** One batch is read in some 50 ms; ten seconds are a database in trouble. */
const STATEMENT_TIMEOUT_MS = 10_000

/**
 * `kiemthe seal`: makes what was recorded provable, as the database's `kiemthe_sealer`. Several at once do no harm: they
 * take turns by compare-and-swap. `--once`: until nothing is left to publish.
 */
export async function seal(args: string[]): Promise<void> {
  const { values } = readArguments(args, { once: { type: 'boolean', default: false } })
  const config = readSealConfig(process.env)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  process.on('disconnect', () => stop.abort()) // whoever started us is gone
  const log = pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination(1),
  )
  const { job, close } = await openSealJob(config, log)
  try {
    if (values.once) {
      while ((await sealPass(job)).more);
    } else await sealLoop(job, log, stop.signal)
  } finally {
    await close()
  }
  // postgres.js only half-closes a connection that fell silent: it would keep a stopped process alive for minutes
  process.exit()
}

async function openSealJob(config: SealConfig, log: Logger): Promise<{ job: SealJob; close: () => Promise<void> }> {
  const privateKey = await readSealKey(config.keyFile)
  const policy = config.policyFile === null ? null : await readPolicyFile(config.policyFile)
  const pool = createPool(
    () =>
      connect(config.databaseUrl, {
        connectionsMax: 1, // one step after the other
        statementTimeoutMs: STATEMENT_TIMEOUT_MS,
        applicationName: 'kiemthe seal',
      }),
    STATEMENT_TIMEOUT_MS + 1_000,
  )
  try {
    const [powers, session] = [await pool.query(powersOverTheLog), await pool.query(oddSession)]
    if (powers.length > 0) {
      const lines = powers.map((power) => `  ${power}`)
      throw new StartError(['the database role could change the log; use kiemthe_sealer:', ...lines])
    }
    if (session !== null) throw new StartError([`the database's session has ${session}, not UTC and ISO`])
    const { origin } = await pool.query((sql) => readSealState(sql, LOG_ID))
    const publicKey = rawPublicKey(privateKey)
    const verifier = ed25519Verifier(origin, publicKey)
    const text = verifierKeyText(origin, ED25519, publicKey)
    await pool.query((sql) => saveLogKey(sql, LOG_ID, verifier.keyId, text)) // before its first signature can be seen
    const job: SealJob = {
      logId: LOG_ID,
      query: pool.query,
      signer: ed25519Signer(origin, privateKey),
      verifier,
      mark: config.markFile === null ? null : sealMark(config.markFile),
      ...witnessing(policy, verifier, log),
    }
    return { job, close: pool.end }
  } catch (error) {
    await pool.end()
    throw error
  }
}

/** Without a policy nobody is asked. */
function witnessing(policy: Policy | null, own: NoteVerifier, log: Logger): Pick<SealJob, 'cosign' | 'isCosigned'> {
  if (policy === null) return { cosign: async ({ note }) => note, isCosigned: null }
  const witnesses = policy.witnesses.flatMap(({ verifier, url }) => (url === null ? [] : [{ verifier, url }]))
  const failing = new Set<string>()
  const told = (witness: string, failure: Error | null) => {
    if (failure === null ? failing.delete(witness) : !failing.has(witness)) {
      if (failure === null) log.info({ witness }, 'cosigns again')
      else
        log.warn({ witness, failure: describeFailure(failure), told: failure.message }, 'does not cosign; asked again')
    }
    if (failure !== null) failing.add(witness)
  }
  const logKeys = [own, ...policy.logs.filter((each) => each.name === own.name && each.keyId !== own.keyId)]
  const verifiers = policy.witnesses.map(({ verifier }) => verifier)
  return {
    cosign: cosignBy(witnesses, { deadlineMs: WITNESS_DEADLINE_MS, logKeys, told }),
    isCosigned: policy.wantsWitnesses ? (note) => policy.isQuorum(openNote(note, verifiers)?.by ?? []) : null,
  }
}

/** A pass that fails has published nothing, and is tried again: all that it knows is in the database. */
export async function sealLoop(job: SealJob, log: Pick<Logger, 'info' | 'error'>, signal: AbortSignal): Promise<void> {
  let told = { what: '', atMs: Number.NEGATIVE_INFINITY }
  while (!signal.aborted) {
    let pass: SealPass | null = null
    try {
      pass = await sealPass(job)
      told = { what: '', atMs: Number.NEGATIVE_INFINITY }
      if (pass.published !== null) log.info(pass, 'published')
    } catch (error) {
      const refused = error instanceof SealRefused ? { fault: error.fault, at: error.at } : null
      const what = refused === null ? 'seal failed; tried again' : 'NOTHING IS SEALED: what was read is not the log'
      const line = refused ?? { failure: describeFailure(error) }
      if (what !== told.what || performance.now() - told.atMs >= TELL_AGAIN_MS) {
        log.error(line, what)
        told = { what, atMs: performance.now() }
      }
    }
    if (pass?.more !== true) await sleep(POLL_MS, null, { signal }).catch(() => {}) // rejects when it is time to stop
  }
}
