/** What the contract says in HTTP, asked of workerd too. Suites about the process (drain, sockets, load) are not here. */
export const WORKERD_SUITES: readonly string[] = [
  'access-matrix',
  'body-bytes',
  'body-shape',
  'database-gone',
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
  'revocation',
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
export const NOT_ON_WORKERD: readonly Difference[] = [
  {
    suite: 'body-bytes',
    test: /300 KB, announced$/,
    why: 'refused all the same (one byte too many, below); that its connection ends, workerd says when it ends it',
  },
  {
    suite: 'body-bytes',
    test: /chunks that never end$/,
    why: 'the platform bounds an upload itself (100 MB); workerd reads on after the answer, as long as the client sends',
  },
  {
    suite: 'revocation',
    test: /one by one$/,
    why: 'each request asks for itself: no promise passes from one to another',
  },
  {
    suite: 'token-refused',
    test: /an empty header$/,
    why: 'an empty header does not arrive as one: told as a missing token, 401 all the same',
  },
]
