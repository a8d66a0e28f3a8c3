/** What the contract says in HTTP, whatever the host. Suites that are about the process (drain, sockets, load) are not here. */
export const WORKERD_SUITES: readonly string[] = [
  'access-matrix',
  'body-bytes',
  'body-shape',
  'decision-codes',
  'disclosure',
  'document-fuzz',
  'enrolment',
  'evidence-answered',
  'evidence-refused',
  'idempotency',
  'oauth-assertion',
  'oauth-grant',
  'openapi-examples',
  'request-events',
  'revocation',
  'routes',
  'token-refused',
  'unverified-visits',
  'verification',
  'verification-by-id',
].map((name) => `test/http/${name}.db.test.ts`)

interface Difference {
  readonly suite: string
  /** Of the test's full name. */
  readonly test: RegExp
  readonly why: string
}

/** What is not asked of workerd, and why. */
export const NOT_ON_WORKERD: readonly Difference[] = []
