import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/**
 * A wire to PostgreSQL that is listened to: it knows the statements as the server gets them. It reads the frontend
 * messages (PostgreSQL documentation, "Message Formats"): Parse names a statement, Bind picks one, Execute runs it.
 */
export interface PostgresTap {
  readonly port: number
  /** The statements that were run since the last call, in order, each on one line. */
  taken(): string[]
  /** Keeps what the server says until `release`, as a slow server would. */
  hold(): void
  release(): void
  close(): Promise<void>
}

export async function startPostgresTap(to: { readonly host: string; readonly port: number }): Promise<PostgresTap> {
  let run: string[] = []
  let held: (() => void)[] | null = null
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(to.port, to.host)
    const read = frontendReader((statement) => run.push(statement))
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.on('data', (bytes) => {
      read(bytes)
      far.write(bytes)
    })
    far.on('data', (bytes) => {
      if (held === null) near.write(bytes)
      else held.push(() => near.write(bytes))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    taken: () => {
      const taken = run
      run = []
      return taken
    },
    hold: () => {
      held ??= []
    },
    release: () => {
      const waiting = held ?? []
      held = null
      for (const write of waiting) write()
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Reads one connection; the first message (startup) has no type, every other begins with one. */
function frontendReader(onStatement: (text: string) => void): (bytes: Buffer) => void {
  const named = new Map<string, string>()
  let bound = ''
  let pending: Buffer = Buffer.alloc(0)
  let started = false
  return (bytes) => {
    pending = Buffer.concat([pending, bytes])
    for (;;) {
      const typeBytes = started ? 1 : 0
      if (pending.length < typeBytes + 4) return
      const end = typeBytes + pending.readInt32BE(typeBytes)
      if (pending.length < end) return
      const type = started ? String.fromCharCode(pending[0] as number) : 'startup'
      const texts = pending
        .subarray(typeBytes + 4, end)
        .toString('latin1')
        .split('\0')
      pending = pending.subarray(end)
      started = true
      const [first = '', second = ''] = texts
      if (type === 'P') named.set(first, Buffer.from(second, 'latin1').toString('utf8'))
      else if (type === 'B') bound = named.get(second) ?? `an unknown statement ${second}`
      else if (type === 'E') onStatement(oneLine(bound))
      else if (type === 'Q') onStatement(oneLine(first))
    }
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
