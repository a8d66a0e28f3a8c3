import type { KeyObject } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Logger, pino } from 'pino'
import { LogSucceeded, type SealJob, type SealPass, SealRefused, sealPass } from '../audit/seal/seal.ts'
import { readLogInForce, saveLogKey } from '../audit/seal/store.ts'
import { ed25519Signer, ed25519Verifier, type NoteVerifier, openNote, rawPublicKey } from '../audit/signed-note.ts'
import { cosignBy } from '../audit/witness/client.ts'
import type { Policy } from '../audit/witness/policy.ts'
import { connect } from '../db/connect.ts'
import { createPool } from '../db/pool.ts'
import { oddSession, powersOverTheLog } from '../db/readiness.ts'
import { describeFailure } from '../event.ts'
import { StartError } from '../host/start-error.ts'
import { watchFiles } from '../host/watch-files.ts'
import { readPolicyFile } from '../host/witness-policy.ts'
import { readArguments } from './arguments.ts'
import { readSealConfig, type SealConfig, sealMark } from './seal-config.ts'
import { publicTextOf, readSealKeys, readSealKeysFile } from './seal-keys.ts'

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
  const { open, close } = await openSealing(config, log)
  try {
    if (values.once) {
      const job = await open()
      while ((await sealPass(job)).more);
    } else await sealLoop(open, config.keyFile, log, stop.signal)
  } finally {
    await close()
  }
  // postgres.js only half-closes a connection that fell silent: it would keep a stopped process alive for minutes
  process.exit()
}

interface Sealing {
  /** A job for the log that is in force now, with the keys that the file has now. */
  readonly open: () => Promise<SealJob>
  readonly close: () => Promise<void>
}

async function openSealing(config: SealConfig, log: Logger): Promise<Sealing> {
  await readSealKeysFile(config.keyFile)
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
    const open = async (): Promise<SealJob> => {
      const inForce = await pool.query(readLogInForce)
      const { logId, origin } = inForce
      const keys = await readSealKeys(config.keyFile, inForce)
      // in the database before its first signature can be seen; the former first, so that it is listed before
      const keep = async (privateKey: KeyObject) => {
        const verifier = ed25519Verifier(origin, rawPublicKey(privateKey))
        await pool.query((sql) => saveLogKey(sql, logId, verifier.keyId, publicTextOf(privateKey, inForce)))
        return { signer: ed25519Signer(origin, privateKey), verifier }
      }
      const former = keys.former === null ? null : await keep(keys.former)
      const current = await keep(keys.current)
      return {
        logId,
        query: pool.query,
        ...current,
        former,
        mark: config.markFile === null ? null : sealMark(config.markFile),
        ...witnessing(policy, [current.verifier, ...(former === null ? [] : [former.verifier])], log),
      }
    }
    return { open, close: pool.end }
  } catch (error) {
    await pool.end()
    throw error
  }
}

/** Without a policy nobody is asked. */
function witnessing(
  policy: Policy | null,
  own: readonly NoteVerifier[],
  log: Logger,
): Pick<SealJob, 'cosign' | 'isCosigned'> {
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
  const isOurs = (key: NoteVerifier) => own.some(({ name, keyId }) => key.name === name && key.keyId === keyId)
  const logKeys = [...own, ...policy.logs.filter((each) => each.name === own[0]?.name && !isOurs(each))]
  const verifiers = policy.witnesses.map(({ verifier }) => verifier)
  return {
    cosign: cosignBy(witnesses, { deadlineMs: WITNESS_DEADLINE_MS, logKeys, told }),
    isCosigned: policy.wantsWitnesses ? (note) => policy.isQuorum(openNote(note, verifiers)?.by ?? []) : null,
  }
}

/**
 * A pass that fails has published nothing, and is tried again: all that it knows is in the database. A successor of the log
 * is taken up at the next pass, a changed key file when it is seen.
 */
export async function sealLoop(
  open: () => Promise<SealJob>,
  keyFile: string,
  log: Pick<Logger, 'info' | 'error'>,
  signal: AbortSignal,
): Promise<void> {
  let job: SealJob | null = await open()
  const failed = (error: unknown) => log.error({ failure: describeFailure(error) }, 'keys were not renewed')
  const renew = async () => {
    await readSealKeysFile(keyFile) // a file that cannot be read leaves the former keys
    job = null
  }
  const watch = await watchFiles([keyFile], renew, failed)
  let told = { what: '', atMs: Number.NEGATIVE_INFINITY }
  while (!signal.aborted) {
    let pass: SealPass | null = null
    try {
      job ??= await open()
      pass = await sealPass(job)
      told = { what: '', atMs: Number.NEGATIVE_INFINITY }
      if (pass.published !== null) log.info(pass, 'published')
    } catch (error) {
      if (error instanceof LogSucceeded) {
        log.info({ log: error.message }, 'the log has a successor: that one is sealed from now on')
        job = null
        continue
      }
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
  watch.stop()
}
