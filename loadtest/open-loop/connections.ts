import { Client, type Dispatcher } from 'undici'

type Request = Dispatcher.DispatchOptions
type Handler = Pick<
  Required<Dispatcher.DispatchHandler>,
  'onRequestStart' | 'onResponseStart' | 'onResponseData' | 'onResponseEnd' | 'onResponseError'
>

/** One request under way on each, opened when it is first needed. */
export interface Connections {
  /** At once where one is free, the one that was free last; else after all who came before. */
  readonly send: (request: Request, handler: Handler) => void
  readonly close: () => Promise<void>
}

/**
 * undici's own pool looks through all its connections for a free one at every request: at 1,000 connections and 12,000 requests
 * a second, all of them busy, a core had nothing else to do, and the server that was flooded seemed to do half of what it did.
 */
export function openConnections(url: string, most: number, timeoutMs: number): Connections {
  const all: Client[] = []
  const free: Client[] = []
  let door: { request: Request; handler: Handler }[] = []
  let met = 0

  function dispatch(client: Client, request: Request, handler: Handler): void {
    const over = () => {
      const next = door[met]
      if (next === undefined) {
        free.push(client)
        return
      }
      if (++met === door.length) {
        door = []
        met = 0
      }
      // in a turn of its own: the connection is not done with this answer yet
      setImmediate(() => dispatch(client, next.request, next.handler))
    }
    client.dispatch(request, {
      ...handler,
      onResponseEnd: (controller, trailers) => {
        handler.onResponseEnd(controller, trailers)
        over()
      },
      onResponseError: (controller, error) => {
        handler.onResponseError(controller, error)
        over()
      },
    })
  }

  return {
    send: (request, handler) => {
      const idle = free.pop()
      if (idle !== undefined) dispatch(idle, request, handler)
      else if (all.length < most) {
        const client = new Client(url, { pipelining: 1, headersTimeout: timeoutMs, bodyTimeout: timeoutMs })
        all.push(client)
        dispatch(client, request, handler)
      } else door.push({ request, handler })
    },
    close: async () => {
      await Promise.all(all.map((client) => client.destroy()))
    },
  }
}
