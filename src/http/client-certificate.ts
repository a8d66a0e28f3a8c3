import type { Context } from 'hono'

/** What a host tells of the connection beside the request: hono's `c.env`. */
export interface Connection {
  /** SHA-256 of the client's certificate (DER), base64url (RFC 8705 §3.1); null without one that the host has verified. */
  readonly clientCertificate: string | null
}

/** Workers tell nothing: there, no token is bound, and bound ones are refused. */
export function clientCertificate(c: Context): string | null {
  const connection: Partial<Connection> | undefined = c.env
  return connection?.clientCertificate ?? null
}
