import { z } from 'zod'
import { tokenKeysSchema } from '../access/token-keys.ts'
import { type Config, ConfigError, type Environment, readConfig } from '../config.ts'
import { dataKeysSchema } from '../data-keys.ts'
import { agreementSchema } from '../population/agreement.ts'
import type { Fetch } from './registry.ts'

/**
 * What the platform gives (`wrangler.toml`): settings as variables of the same names as on Node, the two key files as
 * secrets that hold their JSON, and the database behind Hyperdrive.
 */
export interface Bindings {
  readonly HYPERDRIVE?: { readonly connectionString: string }
  readonly DATA_KEYS?: string
  readonly TOKEN_KEYS?: string
  /** The JSON of the agreement's file; with `REGISTRY_URL`. */
  readonly REGISTRY_AGREEMENT?: string
  /** Shows our certificate to the registry (`mtls_certificates`); without it the platform's own fetch. */
  readonly REGISTRY_MTLS?: { readonly fetch: Fetch }
  readonly [setting: string]: unknown
}

/** What the platform lets a request do beyond its answer. */
export interface ExecutionContext {
  readonly waitUntil: (work: Promise<unknown>) => void
}

/** Every problem at once, as `serve` does. Values are not repeated, they may be secrets. */
export function readBindings(bindings: Bindings) {
  const problems: string[] = []
  const data = readKeys('DATA_KEYS', bindings.DATA_KEYS, dataKeysSchema, problems)
  const token = readKeys('TOKEN_KEYS', bindings.TOKEN_KEYS, tokenKeysSchema, problems)
  const config = readSettings(bindings, problems)
  const agreement =
    bindings.REGISTRY_AGREEMENT === undefined
      ? null
      : readKeys('REGISTRY_AGREEMENT', bindings.REGISTRY_AGREEMENT, agreementSchema, problems)
  if (data === null || token === null || config === null || problems.length > 0) throw new ConfigError(problems)
  return { config, data, token, agreement }
}

function readSettings(bindings: Bindings, problems: string[]): Config | null {
  const texts: Environment = Object.fromEntries(
    Object.entries(bindings).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  )
  try {
    // keys and the database come by binding: their names on Node stand for nothing here
    return readConfig({
      ...texts,
      DATABASE_URL: bindings.HYPERDRIVE?.connectionString,
      DATA_KEYS_FILE: 'DATA_KEYS',
      TOKEN_KEYS_FILE: 'TOKEN_KEYS',
      REGISTRY_AGREEMENT_FILE: bindings.REGISTRY_AGREEMENT === undefined ? undefined : 'REGISTRY_AGREEMENT',
    })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems.map((problem) => problem.replace(/^DATABASE_URL:/, 'HYPERDRIVE:')))
    return null
  }
}

function readKeys<T>(name: string, text: unknown, schema: z.ZodType<T>, problems: string[]): T | null {
  if (typeof text !== 'string') {
    problems.push(`${name}: is not set`)
    return null
  }
  const parsed = schema.safeParse(jsonOf(text))
  if (parsed.success) return parsed.data
  // the issues name members, never their values
  problems.push(`${name}: is not what it should be: ${z.prettifyError(parsed.error)}`)
  return null
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
