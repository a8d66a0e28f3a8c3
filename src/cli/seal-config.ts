import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { z } from 'zod'
import type { SealMark } from '../audit/seal/seal.ts'
import { ConfigError, type Environment } from '../config.ts'
import { readSecret, type SealKeyFile, sealKeySchema, writeWhole } from './data-folder.ts'
import { systemCode } from './embedded/error.ts'

/** What `kiemthe seal` is told by its environment. Nothing of `serve`: no data key and no token key is for it to read. */
const sealConfigSchema = z.object({
  /** As `kiemthe_sealer`. */
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//, 'is not a postgres:// address'),
  /** The private key of checkpoints: made by `kiemthe migrate` or the demo, read by nobody else. */
  SEAL_KEY_FILE: z.string().min(1),
  /** The last checkpoint that was signed, on a disk that is not the database's. */
  SEAL_MARK_FILE: z.string().min(1).optional(),
  /** C2SP tlog-policy: which witnesses are asked, and how many are wanted. None without it. */
  WITNESS_POLICY_FILE: z.string().min(1).optional(),
  LOG_LEVEL: z.enum(['info', 'warn', 'error', 'silent']).default('info'),
})

export interface SealConfig {
  readonly databaseUrl: string
  readonly keyFile: string
  readonly markFile: string | null
  readonly policyFile: string | null
  readonly logLevel: 'info' | 'warn' | 'error' | 'silent'
}

export function readSealConfig(environment: Environment): SealConfig {
  const parsed = sealConfigSchema.safeParse(environment, { reportInput: true })
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map(
        (issue) => `${issue.path.join('.')}: ${issue.input === undefined ? 'is not set' : issue.message}`,
      ),
    )
  }
  const { DATABASE_URL: databaseUrl, SEAL_KEY_FILE: keyFile, SEAL_MARK_FILE: markFile = null, LOG_LEVEL } = parsed.data
  return { databaseUrl, keyFile, markFile, policyFile: parsed.data.WITNESS_POLICY_FILE ?? null, logLevel: LOG_LEVEL }
}

/** Refused when other users of the machine may read it: what they sign would be ours. */
export async function readSealKey(path: string, variable = 'SEAL_KEY_FILE'): Promise<KeyObject> {
  const file = await readSecret<SealKeyFile>(path, sealKeySchema)
  if (file === null) throw new ConfigError([`${variable}: there is no file ${path}`])
  await refuseReadable(path, variable)
  return signingKeyIn(file.privateKey, path, variable)
}

export async function refuseReadable(path: string, variable: string): Promise<void> {
  const { mode } = await stat(path)
  if ((mode & 0o007) !== 0) throw new ConfigError([`${variable}: others may read ${path}: chmod 600`])
}

export function signingKeyIn(privateKey: string, path: string, variable: string): KeyObject {
  const key = createPrivateKey({ key: Buffer.from(privateKey, 'base64'), format: 'der', type: 'pkcs8' })
  if (key.asymmetricKeyType !== 'ed25519') throw new ConfigError([`${variable}: ${path} holds no Ed25519 key`])
  return key
}

/** Written aside and renamed: a crash leaves the former mark or this one. */
export function sealMark(path: string): SealMark {
  return {
    read: () =>
      readFile(path, 'utf8').catch((error: unknown) => {
        if (systemCode(error) === 'ENOENT') return null
        throw error
      }),
    write: (note) => writeWhole(path, note),
  }
}
