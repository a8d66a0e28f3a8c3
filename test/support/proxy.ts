import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A wire to a server that can be cut, or made to lose what the server says. */
export interface DatabaseProxy {
  readonly port: number
  /** What the server says on the connections of now gets lost; it still hears. New connections pass. */
  loseAnswers(): void
  /** From now on nobody is answered, on new connections neither; they are taken all the same. Until it is to answer again. */
  answers(whether: boolean): void
  /** Breaks every connection; new ones pass. */
  breakConnections(): void
  close(): Promise<void>
}

export async function startProxy(to: { readonly host: string; readonly port: number }): Promise<DatabaseProxy> {
  const sockets = new Set<Socket>()
  const silent = new WeakSet<Socket>()
  let isSilent = false
  const server = createServer((near) => {
    const far = connect(to.port, to.host)
    const both = [near, far]
    for (const socket of both) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        for (const each of both) each.destroy()
      })
    }
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => {
      if (!isSilent && !silent.has(far)) near.write(bytes)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    loseAnswers: () => {
      for (const socket of sockets) silent.add(socket)
    },
    answers: (whether) => {
      isSilent = !whether
    },
    breakConnections: () => {
      for (const socket of sockets) socket.destroy()
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
