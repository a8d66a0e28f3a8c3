import { createHash, constants as openssl } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { createSecureContext, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import type { TlsConfig } from '../config.ts'

/** A handshake is two round trips and a millisecond of work: as long as the head of a request may take. Node's own is 120 s. */
const HANDSHAKE_TIMEOUT_MS = 10_000

/** RFC 9325 §4.2: of TLS 1.2 only forward secrecy and AEAD; TLS 1.3 is taken whenever the client has it. */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

export interface TlsFiles {
  readonly cert: string
  readonly key: string
  readonly clientCa: string | null
}

/** Reads the files and tries them: a pair that does not fit, as between two renames of a renewal, is told here. */
export async function readTls(config: TlsConfig): Promise<TlsFiles> {
  const read = (name: string, path: string) =>
    readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new Error(`${name}: ${path} cannot be read (${error.code})`)
    })
  const files = {
    cert: await read('TLS_CERT_FILE', config.certFile),
    key: await read('TLS_KEY_FILE', config.keyFile),
    clientCa: config.clientCaFile === null ? null : await read('TLS_CLIENT_CA_FILE', config.clientCaFile),
  }
  try {
    createSecureContext({ cert: files.cert, key: files.key })
  } catch (error) {
    throw new Error(`TLS_CERT_FILE and TLS_KEY_FILE do not make a pair (${codeOf(error)})`)
  }
  // whatever is no PEM is passed over in silence, and then nobody at all is vouched for
  if (files.clientCa !== null && !files.clientCa.includes('-----BEGIN CERTIFICATE-----')) {
    throw new Error(`TLS_CLIENT_CA_FILE: ${config.clientCaFile} holds no certificate`)
  }
  try {
    if (files.clientCa !== null) createSecureContext({ ca: files.clientCa })
  } catch (error) {
    throw new Error(`TLS_CLIENT_CA_FILE: ${config.clientCaFile} cannot be understood (${codeOf(error)})`)
  }
  return files
}

/** What a renewal changes. */
function contextOf({ cert, key, clientCa }: TlsFiles): TlsOptions {
  // a resumed session brings the answer of its first handshake with it, made under another CA perhaps: with client
  // certificates every handshake is a whole one. TLS 1.2 could change the certificate in the middle: it may not.
  const noResumption = clientCa === null ? 0 : openssl.SSL_OP_NO_TICKET
  return {
    cert,
    key,
    ...(clientCa === null ? {} : { ca: clientCa }),
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    secureOptions: noResumption | openssl.SSL_OP_NO_RENEGOTIATION,
  }
}

export function tlsOptions(files: TlsFiles, { clientCert }: TlsConfig): TlsOptions {
  return {
    ...contextOf(files),
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    requestCert: files.clientCa !== null,
    // optional: no certificate is no fault; one that nobody vouches for ends the connection (`trackClients`)
    rejectUnauthorized: files.clientCa !== null && clientCert === 'required',
  }
}

export interface Clients {
  /** SHA-256 of the certificate that the client of this connection proved to hold, base64url; null without one. */
  readonly certificateOf: (request: { readonly socket: Socket }) => string | null
  /** New handshakes see the new files; connections go on. */
  readonly renew: (files: TlsFiles) => void
}

/** Whose connection is whose. `failed`: a handshake came to nothing. */
export function trackClients(server: Server, first: TlsFiles, failed: (code: string) => void): Clients {
  const certificates = new WeakMap<Socket, string>()
  let present = first
  let underPresentCa = new WeakSet<Socket>()
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    underPresentCa.add(socket)
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined) return
    if (!socket.authorized) {
      failed(String(socket.authorizationError))
      socket.destroy()
      return
    }
    certificates.set(socket, createHash('sha256').update(certificate.raw).digest('base64url'))
  })
  // Node would tell these as faults of a request, and answer them in plain text
  server.removeAllListeners('tlsClientError')
  server.on('tlsClientError', (error, socket) => {
    failed(codeOf(error))
    socket.destroy()
  })
  // who was vouched for by another CA gets one more answer
  server.prependListener('request', (request: IncomingMessage, response: { shouldKeepAlive: boolean }) => {
    if (!underPresentCa.has(request.socket)) response.shouldKeepAlive = false
  })
  return {
    certificateOf: (request) => certificates.get(request.socket) ?? null,
    renew: (files) => {
      server.setSecureContext(contextOf(files))
      if (files.clientCa !== present.clientCa) underPresentCa = new WeakSet()
      present = files
    },
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'no reason given'
}
