import type { Context } from 'hono'
import { readBearer } from '../access/access-token.ts'
import type { AccessScope, Principal } from '../access/principal.ts'
import { refuseRevoked } from '../access/revocations.ts'
import { ServiceError } from '../errors.ts'
import type { Limits } from '../limits/limits.ts'
import type { BucketPolicy, Taken } from '../limits/token-bucket.ts'
import type { Scope } from '../scope.ts'
import { clientCertificate } from './client-certificate.ts'

/** What one request learns on its way in; refused or not, the answer tells a known client its limit. */
export interface Admission {
  caller: Principal | null
  rateLimit: Readonly<Record<string, string>>
}

/** Whose failed credentials are counted together; where a host learns that is its own. */
export type AddressOf = (c: Context) => string

/** Credentials of an address that fail on and on are not looked at for a while. */
export function refuseFailing(limits: Limits, address: string, nowMs: number): void {
  if (!limits.badCredentials.has(address, nowMs)) throw new ServiceError('too_many_bad_credentials')
}

/** In order: room, a token that is good, its client's rate, revocation, its scope. Throws what is lacking. */
export async function admit(
  c: Context,
  scope: Scope,
  access: readonly AccessScope[],
  addressOf: AddressOf,
  to: Admission,
): Promise<Principal> {
  const { config, tokenKeys, tokens, revocations, limits } = scope.service
  const now = scope.now()
  if (limits.inFlight > limits.inFlightMax) throw new ServiceError('overloaded')
  const presented = {
    authorization: c.req.header('authorization'),
    certificate: clientCertificate(c),
    beforeProof: () => refuseFailing(limits, addressOf(c), now.getTime()),
  }
  const caller = await readBearer(presented, tokenKeys, tokens, config.serviceId, now)
  to.caller = caller
  const taken = limits.rate.take(caller.clientId, now.getTime())
  to.rateLimit = rateLimitHeaders(limits.rate.policy, taken)
  if (!taken.admitted) throw new ServiceError('rate_limited')
  await refuseRevoked(revocations, caller, scope.query, now.getTime(), scope.background)
  if (!access.some((each) => caller.scopes.has(each))) {
    throw new ServiceError('scope_missing', { detail: access.join(' or ') })
  }
  return caller
}

/**
 * draft-ietf-httpapi-ratelimit-headers ("RateLimit header fields for HTTP"): a policy is a quota `q` in a window of `w`
 * seconds, the limit says what remains (`r`) and in how many seconds (`t`) all of it is back. A bucket of 300 that gains
 * 100/s is 300 in 3 s.
 */
function rateLimitHeaders(policy: BucketPolicy, taken: Taken): Readonly<Record<string, string>> {
  return {
    'ratelimit-policy': `"default";q=${policy.burst};w=${Math.ceil(policy.burst / policy.perSecond)}`,
    ratelimit: `"default";r=${taken.remaining};t=${taken.fullInSeconds}`,
  }
}
