import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Keys and certificates beside this file, made once and for tests only (2020 to 2125): `server` of `server-ca`, renewed
 * with the same key; `client-a` and `client-b` of `client-ca`; `other-client` of `other-ca`.
 */
export function fixture(name: string): string {
  return join(import.meta.dirname, name)
}

export function pem(name: string): string {
  return readFileSync(fixture(name), 'utf8')
}

/** What a client shows; null: nothing. */
export function clientOf(name: string | null): { cert?: string; key?: string } {
  return name === null ? {} : { cert: pem(`${name}.pem`), key: pem(`${name}.key`) }
}
