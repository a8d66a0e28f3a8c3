import { createHash, randomBytes, randomUUID } from 'node:crypto'

/** Default of the portal (domain §1.1). */
export const SESSION_MS = 600_000

export interface Session {
  readonly username: string
  readonly passwordHash: string
  /** The call must leave from the address that took the token. */
  readonly address: string
  readonly tokenId: string
  readonly expiresMs: number
}

export interface IssuedToken {
  readonly access_token: string
  readonly id_token: string
  readonly token_type: 'Bearer'
  readonly username: string
  readonly expires_in: string
}

/** Tokens that are out: each of one account, from one address, for ten minutes. */
export class Sessions {
  readonly #open = new Map<string, Session>()

  take(username: string, passwordHash: string, address: string, now: Date, lifeMs: number): IssuedToken {
    const expiresMs = now.getTime() + lifeMs
    const signature = randomBytes(32).toString('hex')
    const ticks = BigInt(now.getTime()) * 10_000n + 621_355_968_000_000_000n
    const token = Buffer.from(`${signature}:${username}:${ticks}`).toString('base64')
    const tokenId = randomUUID()
    this.#open.set(token, { username, passwordHash, address, tokenId, expiresMs })
    // an instant with seven fraction digits, as .NET writes it; not seconds
    const expires = new Date(expiresMs).toISOString().replace('Z', '0000Z')
    return { access_token: token, id_token: tokenId, token_type: 'Bearer', username, expires_in: expires }
  }

  /** Null: the portal answers 401. */
  find(headers: { token: string; tokenId: string; passwordHash: string }, address: string, now: Date): Session | null {
    const session = this.#open.get(headers.token)
    if (session === undefined) return null
    if (session.expiresMs <= now.getTime()) {
      this.#open.delete(headers.token)
      return null
    }
    const isTheirs =
      session.address === address &&
      session.tokenId === headers.tokenId &&
      session.passwordHash.toLowerCase() === headers.passwordHash.toLowerCase()
    return isTheirs ? session : null
  }

  /** All of them end, as when the portal restarts. */
  end(): void {
    this.#open.clear()
  }
}

/** What the portal wants in place of a password: MD5, upper-case hex. */
export function portalHash(password: string): string {
  return createHash('md5').update(password).digest('hex').toUpperCase()
}
