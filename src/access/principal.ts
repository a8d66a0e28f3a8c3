import type { Brand } from '../brand.ts'

/** `facility:38001`, `auditor:<name>`, `feed:<name>`, `ops:<name>`. */
export type ClientId = Brand<string, 'ClientId'>
/** Mã CSKCB: two digits of the province and three characters (QĐ 3176). */
export type FacilityCode = Brand<string, 'FacilityCode'>

export const SCOPES = ['verify', 'share', 'audit', 'audit:hiv', 'sync', 'ops'] as const
export type AccessScope = (typeof SCOPES)[number]

export type Role = 'facility' | 'auditor' | 'feed' | 'ops'

/** What each kind of client may be granted. */
export const ROLE_SCOPES: Readonly<Record<Role, readonly AccessScope[]>> = {
  facility: ['verify', 'share'],
  auditor: ['audit', 'audit:hiv'],
  feed: ['sync'],
  ops: ['ops'],
}

export interface Principal {
  readonly clientId: ClientId
  readonly role: Role
  /** Null for all but facilities. */
  readonly facility: FacilityCode | null
  readonly scopes: ReadonlySet<AccessScope>
  /** The client's key that obtained the token: revoking it ends the token. */
  readonly keyId: string
}

export function parseFacilityCode(text: string): FacilityCode | null {
  return /^\d{2}[0-9A-Z]{3}$/.test(text) ? (text as FacilityCode) : null
}

export function readClientId(
  text: string,
): { readonly clientId: ClientId; readonly role: Role; readonly facility: FacilityCode | null } | null {
  const colon = text.indexOf(':')
  if (colon < 0) return null
  const role = text.slice(0, colon)
  const name = text.slice(colon + 1)
  switch (role) {
    case 'facility': {
      const facility = parseFacilityCode(name)
      return facility && { clientId: text as ClientId, role, facility }
    }
    case 'auditor':
    case 'feed':
    case 'ops':
      return /^[a-z0-9][a-z0-9-]{0,31}$/.test(name) ? { clientId: text as ClientId, role, facility: null } : null
    default:
      return null
  }
}

export function parseScopes(text: string): AccessScope[] | null {
  const scopes = text.split(' ').filter((each) => each !== '')
  return scopes.every((each): each is AccessScope => (SCOPES as readonly string[]).includes(each)) ? scopes : null
}
