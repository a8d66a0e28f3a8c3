/** What the contract says in HTTP, asked of workerd too. */
export const WORKERD_SUITES: readonly string[] = [
  'access-matrix',
  'batch',
  'body-bytes',
  'body-shape',
  'claim-shares',
  'database-gone',
  'decision-codes',
  'document-fuzz',
  'enrolment',
  'evidence-answered',
  'evidence-refused',
  'facilities',
  'idempotency',
  'known-at',
  'log',
  'oauth-assertion',
  'oauth-grant',
  'openapi-examples',
  'refused-calls',
  'registry',
  'revocation',
  'token-refused',
  'unverified-visits',
  'verification',
  'verification-by-id',
  'visit-changes',
].map((name) => `test/http/${name}.db.test.ts`)

/** The other suites of `test/http`: asked of Node alone, each with its reason. */
export const NODE_SUITES: Readonly<Record<string, string>> = {
  'copy-state': 'what it varies is decided by pure code; its statements are those of decision-codes',
  disclosure: 'what an answer says is pure code, its statements are those of decision-codes; 7 s on workerd',
  drain: 'a process is drained, an isolate is not',
  fuzz: 'document-fuzz asks the same of workerd',
  health:
    'a server for each of its databases, a second each on workerd; database-gone and access-matrix ask for health',
  limits: 'counted in memory by the same code, for each isolate; connections are the platform’s',
  'request-events': 'lines as pino writes them; each refusal that is asked of workerd looks at its own line',
  tls: 'the platform ends TLS, and no token is bound there',
  routes: 'bytes for the parser of Node; on Workers the platform parses',
}

interface Difference {
  readonly suite: string
  /** Of the test's full name. */
  readonly test: RegExp
  readonly why: string
}

/** What is not asked of workerd, and why. */
export const NOT_ON_WORKERD: readonly Difference[] = [
  {
    suite: 'batch',
    test: /^the lane/,
    why: 'a batch has the connection of its request, so that nobody waits behind it: there is no lane',
  },
  {
    suite: 'batch',
    test: /a byte more would be read$/,
    why: 'refused before it is read: workerd then closes, and who still sends 8 MiB may not hear why (body-bytes asks less)',
  },
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
    suite: 'claim-shares',
    test: /more than 8 MiB would be read$/,
    why: 'as of batch: refused before it is read, and who still sends may not hear why',
  },
  {
    suite: 'claim-shares',
    test: /^many large bodies/,
    why: 'bodies that never end did not reach the code there (the ninth was taken; why was not found out); the platform bounds what an isolate holds',
  },
  {
    suite: 'revocation',
    test: /one by one$/,
    why: 'each request asks for itself: no promise passes from one to another',
  },
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
