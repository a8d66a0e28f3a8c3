import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { provenBefore } from '../access/access-token.ts'
import type { ClientId } from '../access/principal.ts'
import type { Errand } from '../http/first-line.ts'
import { BODY_BYTES_MAX } from '../http/request.ts'
import { unreadRefusal } from '../http/unread.ts'
import { watchTurns } from '../limits/turns.ts'
import type { Service } from '../scope.ts'

/** A flood is a line a second, not one a request. */
const TELL_EVERY_MS = 1_000

/** What was refused unread since it was last told. */
export interface RefusedUnread {
  readonly refused: number
  /** No room for such work. */
  readonly room: number
  /** By clients that held their part of the room: a bound of 64, since a part is 32 at the least. */
  readonly part: Readonly<Record<ClientId, number>>
  /** Nobody that is known, in a turn of the event loop that was long. */
  readonly late: number
}

type Why = 'room' | 'late' | { readonly holder: ClientId }

export interface Door {
  /** In front of the app: what is refused here never comes to it. */
  readonly before: (app: RequestListener) => RequestListener
  /** Tells what is not told yet. */
  readonly close: () => void
}

/**
 * Refuses what the gate would refuse, but before anything is built, read, proven or written for it: a refusal costs little
 * more than a bare `node:http` answer does, the reading of the head and two system calls. For three times the knee that is
 * what decides: where a refusal takes r of a check's processor time, g + (3 − g) r = 1, and a goodput g of 0.9 allows
 * r = 4.8 % (`loadtest -- refusal`).
 *
 * Nobody waits here, so nobody is served late or out of turn. Nothing a sender made up is believed: the first line says
 * only what is asked, and whose part of the room is taken is told by tokens that were proven before.
 */
export function openDoor(
  service: Service,
  errandOf: (method: string, url: string) => Errand,
  tell: (refused: RefusedUnread) => void,
): Door {
  const { limits, config } = service
  const turns = watchTurns()
  const refusal = unreadRefusal(config, false)
  const oauthRefusal = unreadRefusal(config, true)
  let told: { room: number; late: number; part: Map<ClientId, number> } | null = null
  let timer: NodeJS.Timeout | null = null

  function whyNot(
    { headers: { authorization } }: IncomingMessage,
    { priority, always }: Errand,
    late: boolean,
  ): Why | null {
    if (always) return null
    // proven, and within its rate: the gate bounds it
    if (late) {
      const client = provenBefore(authorization, service.tokens)
      if (client === null || !limits.rate.has(client, Date.now())) return 'late'
    }
    if (priority === null) return null
    if (limits.inFlight >= limits.inFlightMax) return 'room'
    let holder: ClientId | null = null
    const why = limits.gate.turnsAway(priority, () => {
      holder = provenBefore(authorization, service.tokens)
      return holder
    })
    return why === 'part' && holder !== null ? { holder } : why === null ? null : 'room'
  }

  function count(why: Why): void {
    told ??= { room: 0, late: 0, part: new Map() }
    if (why === 'room') told.room++
    else if (why === 'late') told.late++
    else told.part.set(why.holder, (told.part.get(why.holder) ?? 0) + 1)
    if (timer !== null) return
    timer = setTimeout(say, TELL_EVERY_MS)
    timer.unref()
  }

  function say(): void {
    if (timer !== null) clearTimeout(timer)
    timer = null
    if (told === null) return
    const { room, late, part } = told
    told = null
    const refused = room + late + [...part.values()].reduce((sum, n) => sum + n, 0)
    tell({ refused, room, late, part: Object.fromEntries(part) })
  }

  return {
    before: (app) => (request, response) => {
      const nowMs = performance.now()
      if (turns.met(nowMs)) setImmediate(() => turns.over(performance.now()))
      const late = turns.isLate(nowMs)
      if (late || limits.inFlight >= limits.inFlightMax || !limits.gate.isCalm()) {
        const errand = errandOf(request.method ?? '', request.url ?? '')
        const why = whyNot(request, errand, late)
        if (why !== null) {
          count(why)
          refuse(request, response, errand.oauth ? oauthRefusal : refusal)
          return
        }
      }
      app(request, response)
    },
    close: say,
  }
}

/**
 * A connection is kept: with a new one for each, a refusal took four times as long (137–160 µs of processor time against 32–35,
 * measured in turn), and TLS adds a handshake. Node reads what is left of the body and drops it, cheaper than a connection as
 * long as it is an ordinary one; where it is longer or has no stated length, the connection ends instead.
 */
function refuse(
  { headers: { 'content-length': length = '0', 'transfer-encoding': coding } }: IncomingMessage,
  response: ServerResponse,
  make: ReturnType<typeof unreadRefusal>,
): void {
  const { status, headers, body } = make(crypto.randomUUID())
  const ends = coding !== undefined || Number(length) > BODY_BYTES_MAX
  if (ends) headers.push('connection', 'close')
  response.writeHead(status, headers)
  response.end(body, 'latin1')
}
