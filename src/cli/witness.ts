import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { z } from 'zod'
import {
  ED25519,
  ed25519Verifier,
  isKeyName,
  type NoteVerifier,
  rawPublicKey,
  readVerifierKey,
  verifierKeyText,
} from '../audit/signed-note.ts'
import { originHash } from '../audit/witness/client.ts'
import { COSIGNATURE, cosigner } from '../audit/witness/cosignature.ts'
import { createWitness, type Witness } from '../audit/witness/witness.ts'
import { ConfigError, type Environment } from '../config.ts'
import { describeFailure } from '../event.ts'
import { readArguments } from './arguments.ts'
import { signingKeyOf } from './data-folder.ts'
import { EmbeddedError } from './embedded/error.ts'
import { withLock } from './embedded/lock.ts'
import { readSealKey } from './seal-config.ts'
import { openMemory } from './witness-memory.ts'

/** A note of 64 signatures of 5 kB (post-quantum) in base64 is 430 kB; 63 hashes are 3 kB. */
const BODY_BYTES_MAX = 512 * 1024
/** Each log asks once a second, over a connection it keeps. */
const CONNECTIONS_MAX = 256
const REQUEST_TIMEOUT_MS = 10_000

const witnessConfigSchema = z.object({
  /** A URL without its scheme, the name of its key: `witness.baohiemxahoi.example/1`. */
  WITNESS_NAME: z.string().refine(isKeyName, 'is not the name of a key'),
  /** Its key and its memory, on a disk that is nobody else's. Whoever loses one loses both, and cosigns no fork with the other. */
  WITNESS_FOLDER: z.string().min(1),
  /** Verifier keys of logs, `name+id+base64`, apart by spaces. Two keys of one name are one log whose key was changed. */
  WITNESS_LOGS: z.string().min(1),
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8790),
  LOG_LEVEL: z.enum(['info', 'warn', 'error', 'silent']).default('info'),
})

interface WitnessConfig {
  readonly name: string
  readonly folder: string
  readonly logs: readonly NoteVerifier[]
  readonly host: string
  readonly port: number
  readonly logLevel: 'info' | 'warn' | 'error' | 'silent'
}

/**
 * `kiemthe witness`: run by somebody else than who runs the log. It keeps for each log the last checkpoint it cosigned, and
 * cosigns another one only when that is shown to be how it begins. It reads no entry, and knows nobody.
 */
export async function witness(args: string[]): Promise<void> {
  readArguments(args, {})
  const config = readWitnessConfig(process.env)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  process.on('disconnect', () => stop.abort()) // whoever started us is gone
  await mkdir(config.folder, { recursive: true, mode: 0o700 })
  try {
    // two with one memory could cosign two trees of one size
    await withLock(
      config.folder,
      0,
      () => {},
      () => serve(config, stop.signal),
    )
  } catch (error) {
    if (!(error instanceof EmbeddedError && error.code === 'busy')) throw error
    throw new ConfigError([`WITNESS_FOLDER: another witness works in ${config.folder}`])
  }
  process.exit() // its channel may still be open
}

async function serve(config: WitnessConfig, signal: AbortSignal): Promise<void> {
  const log = pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination(1),
  )
  const keyFile = witnessKeyFile(config.folder)
  await signingKeyOf(keyFile)
  const privateKey = await readSealKey(keyFile, 'WITNESS_FOLDER')
  const memory = await openMemory(config.folder, config.logs)
  const signer = cosigner(config.name, privateKey, () => new Date())
  const one = createWitness(config.logs, signer, memory, (verdict, latest) => {
    const contradiction = verdict.outcome === 'otherRoot' || verdict.outcome === 'notConsistent'
    // both notes are signed by the log: keep the line, it is evidence
    if (contradiction) log.error({ ...verdict, latest }, 'THE LOG CONTRADICTS WHAT IT SIGNED BEFORE: not cosigned')
    else log.warn(verdict, 'not cosigned')
  })
  const server = listener(one, config.logs, log)
  server.listen(config.port, config.host)
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : config.port
  // whoever keeps it by a channel chose both; beside the demo's own `ready` they would be taken for it
  if (process.channel === undefined) {
    process.stdout.write(`witness ${verifierKeyText(config.name, COSIGNATURE, rawPublicKey(privateKey))}\n`)
    process.stdout.write(`ready http://${config.host}:${port}\n`)
  }
  if (!signal.aborted) await once(signal, 'abort')
  server.close()
  server.closeAllConnections() // what was kept and not answered is asked for again
}

export function witnessKeyFile(folder: string): string {
  return join(folder, 'witness-key.json')
}

function listener(one: Witness, logs: readonly NoteVerifier[], log: Logger): Server {
  const origins = new Map(logs.map(({ name }) => [`/${originHash(name)}/checkpoint`, name]))
  const timeouts = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }
  const server = createServer(timeouts, async (request, response) => {
    const path = request.url?.split('?')[0] ?? ''
    try {
      if (request.method === 'POST' && path === '/add-checkpoint') {
        const body = await bodyOf(request)
        if (body === null) {
          response.writeHead(413, { connection: 'close' }).end()
          return
        }
        const { status, type, body: answer } = await one.add(body)
        response.writeHead(status, { 'content-type': type }).end(answer)
        return
      }
      const latest = request.method === 'GET' ? one.latest(origins.get(path) ?? '') : null
      if (latest === null) response.writeHead(404).end()
      else response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(latest)
    } catch (error) {
      log.error({ failure: describeFailure(error) }, 'not cosigned: it could not be kept')
      response.writeHead(500).end()
    }
  })
  server.maxConnections = CONNECTIONS_MAX
  return server
}

async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request) {
    bytes += part.length
    if (bytes > BODY_BYTES_MAX) return null
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

function readWitnessConfig(environment: Environment): WitnessConfig {
  const parsed = witnessConfigSchema.safeParse(environment, { reportInput: true })
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map(
        (issue) => `${issue.path.join('.')}: ${issue.input === undefined ? 'is not set' : issue.message}`,
      ),
    )
  }
  const { WITNESS_NAME: name, WITNESS_FOLDER: folder, WITNESS_LOGS, HOST: host, PORT: port, LOG_LEVEL } = parsed.data
  const logs = WITNESS_LOGS.trim()
    .split(/\s+/)
    .map((text, place) => {
      const key = readVerifierKey(text)
      if (key?.type !== ED25519) throw new ConfigError([`WITNESS_LOGS: the ${place + 1}. is no verifier key of a log`])
      return ed25519Verifier(key.name, key.publicKey)
    })
  return { name, folder, logs, host, port, logLevel: LOG_LEVEL }
}
