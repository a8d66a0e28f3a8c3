/** An entry as it is read from the log; `sealed` is null once its details were erased. */
export interface RawEntry {
  /** Its place among the entries of all logs (`log-id.ts`), as in all that is made of it here and by the rules. */
  readonly index: number
  readonly body: string
  readonly subject: string | null
  readonly sealed: Uint8Array | null
}
