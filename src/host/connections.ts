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
export function unusedConnections(server: Server): ReadonlyMap<string, Socket> {
  // by their other end: under TLS a request comes on another object than the connection
  const unused = new Map<string, Socket>()
  server.on('connection', (socket) => {
    const end = otherEnd(socket)
    unused.set(end, socket)
    socket.once('close', () => {
      if (unused.get(end) === socket) unused.delete(end)
    })
  })
  server.on('request', (request) => {
    if (unused.size > 0) unused.delete(otherEnd(request.socket))
  })
  return unused
}

function otherEnd({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
