import type { InsurerToken } from './answer.ts'
import type { InsurerLogin } from './login.ts'

/** Sessions live for ten minutes (domain §1.1); a minute less for clocks that differ and a file on its way. */
const HELD_MS = 9 * 60_000
/** Nine minutes of the longest life that the portal gives are enough; what it says of a shorter one counts. */
const MARGIN_MS = 60_000

export type Session =
  | { readonly login: InsurerLogin; readonly token: InsurerToken }
  | 'credentialsMissing'
  | 'credentialsRefused'

export interface TokensOptions {
  readonly findLogin: (facility: string) => Promise<InsurerLogin | null>
  readonly take: (login: InsurerLogin) => Promise<InsurerToken | 'accountRefused'>
  readonly now: () => Date
}

interface Held {
  readonly session: Promise<Session>
  /** Null while it is being taken. */
  taken: Session | null
  untilMs: number
}

/**
 * A token a facility, kept by facility and never lent to another (TT 12/2026 Đ16 k3). Whoever asks while one is being taken
 * waits for that one. A refusal is not kept. 669 facilities × 600 bytes = 0.4 MB, the country's 12,900 some 8 MB.
 */
export class Tokens {
  readonly #options: TokensOptions
  readonly #held = new Map<string, Held>()

  constructor(options: TokensOptions) {
    this.#options = options
  }

  /** Whether there is one to send with, without asking anybody. */
  holds(facility: string): boolean {
    const held = this.#held.get(facility)
    return held !== undefined && this.#options.now().getTime() < held.untilMs
  }

  async of(facility: string): Promise<Session> {
    const nowMs = this.#options.now().getTime()
    const held = this.#held.get(facility)
    if (held !== undefined && nowMs < held.untilMs) return held.session
    const entry: Held = { session: this.#take(facility), taken: null, untilMs: nowMs + HELD_MS }
    this.#held.set(facility, entry)
    try {
      const session = await entry.session
      entry.taken = session
      if (typeof session === 'string') this.#forget(facility, entry)
      else if (session.token.expiresAt !== null) {
        entry.untilMs = Math.min(entry.untilMs, session.token.expiresAt.getTime() - MARGIN_MS)
      }
      return session
    } catch (error) {
      this.#forget(facility, entry)
      throw error
    }
  }

  /** The portal did not take it. Another one that was taken meanwhile stays. */
  drop(facility: string, session: Session): void {
    const held = this.#held.get(facility)
    if (held?.taken === session) this.#forget(facility, held)
  }

  async #take(facility: string): Promise<Session> {
    const login = await this.#options.findLogin(facility)
    if (login === null) return 'credentialsMissing'
    const token = await this.#options.take(login)
    return token === 'accountRefused' ? 'credentialsRefused' : { login, token }
  }

  #forget(facility: string, entry: Held): void {
    if (this.#held.get(facility) === entry) this.#held.delete(facility)
  }
}
