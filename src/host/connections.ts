import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** A flood is a line every so often, not one a connection. */
const TELL_EVERY_MS = 10_000

/**
 * Past `connectionsMax` a connection is closed unread. Among several processes it is not offered to the others: when all
 * are full, Node would hand it round without end.
 */
export function boundConnections(server: Server, connectionsMax: number, tell: (refused: number) => void): void {
  // the second is younger than its type
  Object.assign(server, { maxConnections: connectionsMax, dropMaxConnection: true })
  let refused = 0
  let toldMs = 0
  let later: NodeJS.Timeout | null = null
  const say = () => {
    later = null
    toldMs = Date.now()
    tell(refused)
    refused = 0
  }
  server.on('drop', () => {
    refused++
    if (later !== null) return
    later = setTimeout(say, Math.max(0, toldMs + TELL_EVERY_MS - Date.now()))
    later.unref()
  })
}

/** Connections that balancers open ahead of need. Node does not count them as idle: one would hold a drain to its end. */
export function unusedConnections(server: Server): ReadonlySet<Socket> {
  const unused = new Set<Socket>()
  server.on('connection', (socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  server.on('request', (request) => unused.delete(request.socket))
  return unused
}
