import { hash } from 'node:crypto'
import { z } from 'zod'
import type { DataKeys } from '../../data-keys.ts'
import { open, seal } from '../../seal.ts'

/** A facility's own account at the insurer's portal. Never in a log line, an error or an entry. */
export interface InsurerLogin {
  readonly username: string
  /** MD5 in upper-case hex, which is what the portal takes for the password. As good as the password there, so sealed. */
  readonly passwordHash: string
}

/** `38001_BV` (domain §1.1); what else an account may be called is the portal's affair. */
export const INSURER_USERNAME = /^[\x21-\x7E]{1,100}$/

const loginSchema = z.strictObject({
  username: z.string().regex(INSURER_USERNAME),
  passwordHash: z.string().regex(/^[0-9A-F]{32}$/),
})

/** The password itself is kept nowhere. */
export function insurerLogin(username: string, password: string): InsurerLogin {
  return { username, passwordHash: hash('md5', password, 'hex').toUpperCase() }
}

/** Bound to the facility: a row moved to another one does not open. */
export function sealLogin(keys: DataKeys, facility: string, login: InsurerLogin): Buffer {
  return seal(keys, 'insurer_login', facility, JSON.stringify(login))
}

export function openLogin(keys: DataKeys, facility: string, sealed: Uint8Array): InsurerLogin {
  return loginSchema.parse(JSON.parse(open(keys, 'insurer_login', facility, sealed)))
}
