import type { Principal } from '../../access/principal.ts'
import { ServiceError } from '../../errors.ts'
import { describeFailure } from '../../event.ts'
import { AUDIT_STREAM_IDLE_MS } from '../../limits/limits.ts'
import type { Scope } from '../../scope.ts'
import { LOG_ID } from '../log-id.ts'
import { readListCursor, writeListCursor } from './cursor.ts'
import { type IndexedThrough, indexedThrough } from './items.ts'
import { type AuditReason, recordRead } from './record.ts'
import { type Page, readThrough, type Span, type Through } from './store.ts'

/** Entries of one chunk of a stream, and of a page (contract): some 400 KB. */
export const CHUNK_MAX = 1_000

/** A list that auditors read: where its rows come from, and how one is shown. */
export interface AuditList<Row extends { readonly place: number }, Shown> {
  readonly name: string
  /** What was asked, for the entry of the read and for its cursors: names and codes of ours. */
  readonly asked: Readonly<Record<string, string | number>>
  readonly facility: string | null
  readonly from: string | null
  readonly to: string | null
  readonly page: (scope: Scope, of: Span, max: number) => Promise<Page<Row>>
  readonly shown: (row: Row) => Shown
}

export interface ShownPage<Shown> {
  readonly items: readonly Shown[]
  readonly nextCursor: string | null
  readonly indexedThrough: IndexedThrough
}

/** One page, recorded before it is answered. */
export async function readPage<Row extends { readonly place: number }, Shown>(
  scope: Scope,
  caller: Principal,
  reason: AuditReason,
  list: AuditList<Row, Shown>,
  cursor: string | null,
  limit: number,
): Promise<ShownPage<Shown>> {
  const { dataKeys } = scope.service
  const of = JSON.stringify([caller.clientId, list.name, list.asked])
  const from = cursor === null ? null : readListCursor(dataKeys, of, cursor)
  return scope.inAuditLane(async (lane) => {
    const through = await throughNow(lane)
    const reach = Math.min(from?.through ?? through.place, through.place)
    const { items, next } = await pageOf(lane, list, reach, from, limit)
    await recordRead(lane, caller, reason, placesOf(items), { asked: { list: list.name, ...list.asked } })
    return {
      items: items.map(list.shown),
      nextCursor: next === null ? null : writeListCursor(dataKeys, of, { through: reach, ...next }),
      indexedThrough: indexedThrough(through),
    }
  })
}

export interface Chunks<Shown> {
  readonly indexedThrough: IndexedThrough
  /** The next rows, once the entry of their read is committed; null: that was all. */
  readonly next: () => Promise<readonly Shown[] | null>
}

/**
 * All of a list, a chunk at a time, each recorded before it leaves. Between two chunks nothing is held, neither a
 * statement nor a snapshot nor a place in the lane: whoever reads slowly is waited for at no cost. The first chunk is read
 * at once, so that what fails there is a problem like any other.
 */
export async function readChunks<Row extends { readonly place: number }, Shown>(
  scope: Scope,
  caller: Principal,
  reason: AuditReason,
  list: AuditList<Row, Shown>,
): Promise<Chunks<Shown>> {
  const through = await scope.inAuditLane(throughNow)
  let after: Span['after'] = null
  let ended = false
  const read = () =>
    scope.inAuditLane(async (lane) => {
      for (;;) {
        const { items, next } = await pageOf(lane, list, through.place, after, CHUNK_MAX)
        after = next
        ended = next === null
        if (items.length === 0 && !ended) continue // a stretch in which nothing fits
        const asked = { list: list.name, ...list.asked, streamed: 1 }
        if (items.length > 0 || first) await recordRead(lane, caller, reason, placesOf(items), { asked })
        return items.map(list.shown)
      }
    })
  let first = true
  let ready: readonly Shown[] | null = await read()
  first = false
  return {
    indexedThrough: indexedThrough(through),
    next: async () => {
      if (ready !== null) {
        const chunk = ready
        ready = null
        return chunk
      }
      return ended ? null : read()
    },
  }
}

export interface Writing<Shown> {
  readonly head: string
  readonly write: (rows: readonly Shown[]) => string
  /**
   * Ends the connection in the midst. Null: the host does so when the stream fails. (Node's adapter ends a failed one well, with
   * the error's message as its last bytes.)
   */
  readonly breakOff: (() => void) | null
}

export interface OpenStream {
  readonly indexedThrough: IndexedThrough
  readonly bytes: ReadableStream<Uint8Array>
}

/**
 * Bytes of a list as the client takes them. A client that goes away ends it, and so does a log that cannot be written: the
 * transfer breaks off, so that what came is not taken for all there is.
 */
export async function openStream<Row extends { readonly place: number }, Shown>(
  scope: Scope,
  caller: Principal,
  reason: AuditReason,
  list: AuditList<Row, Shown>,
  { head, write, breakOff }: Writing<Shown>,
): Promise<OpenStream> {
  const { limits } = scope.service
  const nowMs = scope.now().getTime()
  for (const each of limits.auditStreams) {
    if (nowMs - each.lastMs > AUDIT_STREAM_IDLE_MS) limits.auditStreams.delete(each)
  }
  if (limits.auditStreams.size >= limits.auditStreamsMax) throw new ServiceError('overloaded')
  const place = { lastMs: nowMs }
  limits.auditStreams.add(place)
  let over = () => {}
  const end = () => {
    if (over === NOTHING) return
    limits.auditStreams.delete(place)
    over()
    over = NOTHING
  }
  const chunks = await readChunks(scope, caller, reason, list).catch((error: unknown) => {
    end()
    throw error
  })
  // on Workers the request's connection stays until this is settled
  scope.background(
    new Promise<void>((resolve) => {
      over = resolve
    }),
  )
  const encoder = new TextEncoder()
  let before = head
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    try {
      place.lastMs = scope.now().getTime()
      const rows = await chunks.next()
      if (rows !== null) {
        const text = before + write(rows)
        before = ''
        // an empty list without a head has no bytes, and a controller takes no empty chunk of them as an answer
        if (text !== '') return controller.enqueue(encoder.encode(text))
      }
      end()
      controller.close()
    } catch (error) {
      end()
      scope.report('auditStreamBroken', describeFailure(error))
      if (breakOff === null) controller.error(new Error('the list broke off'))
      else breakOff() // whoever reads this stream for the connection lets go of it
    }
  }
  // nothing is read, and recorded as read, before it is asked for
  return {
    indexedThrough: chunks.indexedThrough,
    bytes: new ReadableStream({ pull, cancel: end }, { highWaterMark: 0 }),
  }
}

const NOTHING = () => {}

function throughNow(lane: Scope): Promise<Through> {
  return lane.query((sql) => readThrough(sql, LOG_ID)).catch(unavailable)
}

function pageOf<Row extends { readonly place: number }>(
  lane: Scope,
  { facility, from, to, page }: AuditList<Row, unknown>,
  through: number,
  after: Span['after'],
  max: number,
): Promise<Page<Row>> {
  return page(lane, { facility, from, to, after, through }, max).catch(unavailable)
}

/** An entry that has several flags was seen once. */
function placesOf(items: readonly { readonly place: number }[]): number[] {
  return [...new Set(items.map(({ place }) => place))]
}

export function unavailable(cause: unknown): never {
  throw cause instanceof ServiceError ? cause : new ServiceError('database_unavailable', { cause })
}
