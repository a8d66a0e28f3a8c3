/** An entry as it is read from the log; `sealed` is null once its details were erased. */
export interface RawEntry {
  readonly index: number
  readonly body: string
  readonly subject: string | null
  readonly sealed: Uint8Array | null
}
