import { LOG_ID } from '../../audit/log-id.ts'
import type { DataKeys } from '../../data-keys.ts'
import type { Query } from '../../db/pool.ts'
import type { Breaker } from '../../population/breaker.ts'
import { NotAdmitted } from '../../population/bulkhead.ts'
import { openBytes, SealError } from '../../seal.ts'
import type { GatewayAnswer } from './answer.ts'
import type { FileToSend, Gateway } from './client.ts'
import { GatewayFailure, type GatewayFault } from './failure.ts'
import { findDossier, findSealedLogin, type TakenShare } from './store.ts'
import type { Session, Tokens } from './tokens.ts'

/** What an attempt came to. */
export type Attempt =
  | Extract<GatewayAnswer, { kind: 'received' | 'returned' | 'tooMany' | 'unknownCode' }>
  | { readonly kind: 'accountAway'; readonly reason: 'credentialsMissing' | 'credentialsRefused' }
  | { readonly kind: 'failed'; readonly fault: GatewayFault; readonly mayBeTaken: boolean }
  /** There is nothing that could be sent, nor will be by waiting. */
  | { readonly kind: 'impossible'; readonly reason: 'dossierErased' | 'dossierUnreadable' }
  /** It was not tried: the breaker is open, or the time of its lease does not suffice. */
  | { readonly kind: 'notTried' }

export interface DeliverJob {
  readonly query: Query
  readonly keys: () => DataKeys
  readonly now: () => Date
  readonly gateway: Gateway
  readonly tokens: Tokens
  readonly breaker: Breaker
  /** Of one call to the gateway. */
  readonly timeoutMs: number
}

/** What is left to a statement behind the last call. */
export const SETTLE_MS = 5_000

/**
 * One file, once: login → breaker → token → lease → the file, with a second token where the first is not taken (the only
 * thing that is tried again at once). Nothing is written here. A crash before the file leaves nothing; after it, the
 * insurer may have it and we do not know: the same bytes come again when the lease is over, and change nothing there.
 */
export async function deliver(job: DeliverJob, share: TakenShare): Promise<Attempt> {
  const file = await readFile(job, share)
  if (typeof file === 'string') return { kind: 'impossible', reason: file }
  // asked for before the breaker: that there is none says nothing of the gateway
  if (!job.tokens.holds(share.facility) && (await job.query((sql) => findSealedLogin(sql, share.facility))) === null) {
    return { kind: 'accountAway', reason: 'credentialsMissing' }
  }
  try {
    return await job.breaker.run(() => send(job, share, file))
  } catch (error) {
    if (error instanceof NotAdmitted) return { kind: 'notTried' }
    if (!(error instanceof GatewayFailure)) throw error
    return { kind: 'failed', fault: error.fault, mayBeTaken: error.mayBeTaken }
  }
}

async function readFile(
  { query, keys }: DeliverJob,
  share: TakenShare,
): Promise<FileToSend | 'dossierErased' | 'dossierUnreadable'> {
  const dossier = await query((sql) => findDossier(sql, LOG_ID, share.place))
  if (dossier === null) return 'dossierErased'
  try {
    const bytes = openBytes(keys(), 'claim_dossier', dossier.key, dossier.sealed)
    return { facility: share.facility, share: share.share, bytes }
  } catch (error) {
    if (error instanceof SealError) return 'dossierUnreadable'
    throw error
  }
}

async function send(job: DeliverJob, share: TakenShare, file: FileToSend): Promise<Attempt> {
  for (const isLast of [false, true]) {
    const session = await job.tokens.of(share.facility)
    if (typeof session === 'string') return { kind: 'accountAway', reason: session }
    // a process that was paused meanwhile must not send what is another's by now, and perhaps a former version
    if (!hasTime(job, share)) return { kind: 'notTried' }
    const answer = await job.gateway.sendFile(file, session.login, session.token)
    switch (answer.kind) {
      case 'tokenRefused':
        job.tokens.drop(share.facility, session satisfies Session)
        if (isLast) return { kind: 'accountAway', reason: 'credentialsRefused' }
        break
      case 'accountRefused':
        return { kind: 'accountAway', reason: 'credentialsRefused' }
      case 'failed':
      case 'unreadable': // the client rejects for these
        return { kind: 'failed', fault: 'answerUnreadable', mayBeTaken: true }
      default:
        return answer
    }
  }
  return { kind: 'notTried' }
}

function hasTime({ now, timeoutMs }: DeliverJob, { leaseUntil }: TakenShare): boolean {
  return leaseUntil.getTime() - now().getTime() >= timeoutMs + SETTLE_MS
}
