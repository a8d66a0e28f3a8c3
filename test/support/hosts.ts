/** What the contract says in HTTP, asked of workerd too. Suites about the process (drain, sockets, load) are not here. */
export const WORKERD_SUITES: readonly string[] = [
  'body-shape',
  'decision-codes',
  'evidence-answered',
  'evidence-refused',
  'oauth-assertion',
  'oauth-grant',
  'openapi-examples',
  'refused-calls',
  'verification',
  'token-refused',
  'unverified-visits',
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
    suite: 'refused-calls',
    test: /^who was refused|^a minute that is over would wait/,
    why: 'no drain writes what is counted, and no loop: the next request does',
  },
  {
    suite: 'token-refused',
    test: /an empty header$/,
    why: 'an empty header does not arrive as one: told as a missing token, 401 all the same',
  },
]
