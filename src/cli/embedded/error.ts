/** Why an embedded PostgreSQL could not be started or stopped; the message tells the operator what to do. */
export type EmbeddedProblem =
  | 'unsupportedPlatform'
  | 'noBinaries'
  | 'noAccount'
  | 'folderNotOurs'
  | 'notReachable'
  | 'otherMajor'
  | 'passwordLost'
  | 'busy'
  | 'diskFull'
  | 'portTaken'
  | 'initdbFailed'
  | 'startFailed'
  | 'startTimeout'
  | 'stopFailed'

export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError'
  readonly code: EmbeddedProblem

  constructor(code: EmbeddedProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** What PostgreSQL's own words say of a failure. `alreadyRunning` and `orphans` are for us to act on, never shown. */
export type ServerFailure = 'diskFull' | 'portTaken' | 'alreadyRunning' | 'orphans' | 'other'

/** The server speaks English because we start it with lc_messages=C. */
export function failureIn(output: string): ServerFailure {
  if (/No space left on device|Disk quota exceeded/.test(output)) return 'diskFull'
  if (/Address already in use|could not create any TCP\/IP sockets/.test(output)) return 'portTaken'
  if (/lock file "postmaster\.pid" (already exists|is empty)/.test(output)) return 'alreadyRunning'
  // Backends of a postmaster that was killed: they notice and leave within a second or so.
  if (/pre-existing shared memory block/.test(output)) return 'orphans'
  return 'other'
}

/** `ENOENT`, `EEXIST`, … of a failed system call; undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
