import type { EntryOutcome } from '../entry.ts'
import { readBase64 } from '../signed-note.ts'

/** What a log that cannot go on is known to have been. */
export interface Former {
  readonly logId: number
  readonly origin: string
  /** What is here of it, and what it ends with. */
  readonly size: number
  readonly root: Uint8Array
  /** The largest checkpoint that it is known to have signed, byte for byte; null: none is at hand. */
  readonly lastCheckpoint: { readonly size: number; readonly root: Uint8Array; readonly note: string } | null
  /** How many entries it is known to have had; 0: nobody knows of any that are not here. */
  readonly knownSize: number
  /** The highest number of a log that it is known to have been followed by; its own: none. */
  readonly highestLog: number
}

/**
 * The body of a successor's first entry says in public what it follows: with size and root of what is left, whoever has the
 * successor's checkpoint proves each entry of the former, those too that were in no checkpoint that is left.
 */
export function successionOutcome({
  logId,
  origin,
  size,
  root,
  lastCheckpoint,
  knownSize,
  highestLog,
}: Former): EntryOutcome {
  return {
    formerLog: logId,
    formerOrigin: origin,
    formerSize: size,
    formerRoot: base64(root),
    checkpointSize: lastCheckpoint?.size ?? null,
    checkpointRoot: lastCheckpoint === null ? null : base64(lastCheckpoint.root),
    checkpoint: lastCheckpoint?.note ?? null,
    // where another log of that length parted from the one that was signed, nobody can say
    lostFrom: size < knownSize ? size : null,
    lostTo: knownSize === 0 ? null : knownSize - 1,
    // a backup of before an earlier succession: that log is lost whole
    lostLog: highestLog > logId ? highestLog : null,
  }
}

export interface Ending {
  readonly logId: number
  readonly size: number
  readonly root: Uint8Array
}

/** What a log's first entry says its predecessor ended with; null: it says nothing of the kind. */
export function endingIn(firstBody: string | null): Ending | null {
  try {
    const { kind, outcome } = JSON.parse(firstBody ?? '{}') as { kind?: unknown; outcome?: Record<string, unknown> }
    if (kind !== 'logSucceeded') return null
    const { formerLog: logId, formerSize: size, formerRoot } = outcome ?? {}
    const root = typeof formerRoot === 'string' ? readBase64(formerRoot) : null
    if (typeof logId !== 'number' || typeof size !== 'number' || root === null) return null
    return { logId, size, root }
  } catch {
    return null
  }
}

/** `kiemthe.example/thanhhoa/1` → `kiemthe.example/thanhhoa/2`: another log has another name, or it would be a fork. */
export function originOf(former: string, logId: number): string {
  return `${stemOf(former)}/${logId}`
}

/** The number that an origin of ours ends in, of a log of the same service; null: of another one. */
export function numberIn(origin: string, sibling: string): number | null {
  const number = /\/([1-9]\d{0,3})$/.exec(origin)?.[1]
  return number !== undefined && stemOf(origin) === stemOf(sibling) ? Number(number) : null
}

function stemOf(origin: string): string {
  return origin.replace(/\/[1-9]\d{0,3}$/, '')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
