import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdir, open as openFile, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { makeSigningKey, type TokenKeysFile, tokenKeysSchema } from '../access/token-keys.ts'
import { type DataKeysFile, dataKeysSchema } from '../data-keys.ts'
import type { RolePasswords } from '../db/roles.ts'
import { systemCode } from './embedded/error.ts'

/** The folder that holds a demo: its database, its keys, what it was made of. */
export const DATA_FOLDER = '.kiemthe'

/** Only whoever runs the service reads keys. */
const SECRET_MODE = 0o600

export interface DataFolder {
  readonly path: string
  readonly dataKeysFile: string
  readonly tokenKeysFile: string
  readonly clientsFile: string
  readonly demoFile: string
  readonly logMarkFile: string
  readonly sealKeyFile: string
  readonly sealMarkFile: string
  /** Of the mock of the population registry. */
  readonly agreementFile: string
  readonly witnessFolder: string
  readonly witnessPolicyFile: string
  readonly clusterFolder: string
}

export function dataFolder(path: string): DataFolder {
  const folder = resolve(path)
  return {
    path: folder,
    dataKeysFile: join(folder, 'data-keys.json'),
    tokenKeysFile: join(folder, 'token-keys.json'),
    clientsFile: join(folder, 'clients.json'),
    demoFile: join(folder, 'demo.json'),
    logMarkFile: join(folder, 'log-mark.json'),
    sealKeyFile: join(folder, 'seal-key.json'),
    sealMarkFile: join(folder, 'seal-mark.txt'),
    agreementFile: join(folder, 'agreement.json'),
    witnessFolder: join(folder, 'witness'),
    witnessPolicyFile: join(folder, 'witness-policy.txt'),
    clusterFolder: join(folder, 'postgres'),
  }
}

export async function makeDataFolder(folder: DataFolder): Promise<void> {
  // traversable: the account of PostgreSQL must reach its cluster; each secret has a mode of its own
  await mkdir(folder.path, { recursive: true, mode: 0o755 })
}

export function dataKeysOf(folder: DataFolder): Promise<DataKeysFile> {
  const secret = () => randomBytes(32).toString('base64')
  return readOrMake(folder.dataKeysFile, dataKeysSchema, async () => ({
    lookup: secret(),
    log: secret(),
    seal: { current: 1, generations: { '1': secret() } },
  }))
}

export function tokenKeysOf(folder: DataFolder): Promise<TokenKeysFile> {
  return readOrMake(folder.tokenKeysFile, tokenKeysSchema, async () => ({
    keys: [await makeSigningKey(`token-${randomBytes(4).toString('hex')}`)],
  }))
}

/** The private key of checkpoints: an Ed25519 key in PKCS #8 (DER), in base64. Only `kiemthe seal` reads it. */
export const sealKeySchema = z.strictObject({ privateKey: z.base64().min(1) })

export type SealKeyFile = z.infer<typeof sealKeySchema>

/** The same, and while one key follows another the former, which signs too. `at`: since when both do. */
export const sealKeysSchema = sealKeySchema.extend({
  former: z.strictObject({ privateKey: z.base64().min(1), at: z.iso.datetime() }).optional(),
})

export type SealKeysFile = z.infer<typeof sealKeysSchema>

export function sealKeyOf(folder: DataFolder): Promise<SealKeysFile> {
  return readOrMake(folder.sealKeyFile, sealKeysSchema, async () => makeSealKey())
}

/** The key of a witness, made when it is not there. */
export function signingKeyOf(path: string): Promise<SealKeyFile> {
  return readOrMake(path, sealKeySchema, async () => makeSealKey())
}

export function makeSealKey(): SealKeyFile {
  const { privateKey } = generateKeyPairSync('ed25519')
  return { privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64') }
}

const password = z.string().length(64)
const passwordsSchema = z.strictObject({
  app: password,
  sealer: password,
  sync: password.optional(),
  sender: password.optional(),
  projector: password.optional(),
})

/** A folder of an earlier release is given the password of a role that has come since. */
export async function rolePasswordsOf(folder: DataFolder): Promise<RolePasswords> {
  const path = join(folder.path, 'roles.json')
  const made = () => randomBytes(32).toString('hex')
  const kept = await readSecret(path, passwordsSchema)
  const { sync, sender, projector } = kept ?? {}
  if (kept !== null && sync !== undefined && sender !== undefined && projector !== undefined) {
    return { ...kept, sync, sender, projector }
  }
  const passwords = {
    ...{ app: made(), sealer: made(), ...kept },
    sync: sync ?? made(),
    sender: sender ?? made(),
    projector: projector ?? made(),
  }
  await writeSecret(path, passwords)
  return passwords
}

/** A file that is made once. Written aside and renamed: a crash leaves no half of a key. */
export async function readOrMake<T>(path: string, schema: z.ZodType<T>, make: () => Promise<T>): Promise<T> {
  const kept = await readSecret(path, schema)
  if (kept !== null) return kept
  const made = await make()
  await writeSecret(path, made)
  return made
}

export async function readSecret<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new Error(`${path} is not JSON`)
  }
  const parsed = schema.safeParse(json)
  // the issues name members, never their values
  if (!parsed.success) throw new Error(`${path} is not what it should be: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

/** Rows may be sealed under a new key a moment later. */
export function writeSecret(path: string, value: unknown): Promise<void> {
  return writeWhole(path, `${JSON.stringify(value, null, 2)}\n`)
}

/** On the disk when this returns. A crash before leaves the former file, whole. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.draft`
  await writeFile(draft, text, { mode: SECRET_MODE, flush: true })
  await rename(draft, path)
  const folder = await openFile(dirname(path))
  await folder.sync().finally(() => folder.close())
}
