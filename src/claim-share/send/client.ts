import { Agent, type Dispatcher } from 'undici'
import type { ShareKind } from '../entry.ts'
import { type GatewayAnswer, type InsurerToken, readAnswer, readToken } from './answer.ts'
import { GatewayFailure, type GatewayFault } from './failure.ts'
import type { InsurerLogin } from './login.ts'

/** A receipt has 200 bytes; a list of a hundred errors some 30 KB. */
const ANSWER_BYTES_MAX = 256 * 1024
/** Clients of the portal wait 15 s for a connection (domain §1.1); within the deadline, whichever is less. */
const CONNECT_TIMEOUT_MS = 15_000

const PATHS: Readonly<Record<ShareKind, { readonly path: string; readonly loaiHoSo: string }>> = {
  claim: { path: 'api/qd130/guiHoSoXmlQD3176', loaiHoSo: '130' },
  checkIn: { path: 'api/qd130/checkInKcbQd3176', loaiHoSo: '0' },
}

export interface Gateway {
  readonly takeToken: (login: InsurerLogin) => Promise<InsurerToken | 'accountRefused'>
  /** The bytes as they are, once. Rejects by `GatewayFailure` where the gateway is in trouble. */
  readonly sendFile: (file: FileToSend, login: InsurerLogin, token: InsurerToken) => Promise<GatewayAnswer>
  readonly close: () => Promise<void>
}

export interface FileToSend {
  readonly facility: string
  readonly share: ShareKind
  readonly bytes: Uint8Array
}

export interface GatewayOptions {
  /** Ends with a slash. */
  readonly url: string
  readonly timeoutMs: number
  /** Connections at the most. */
  readonly connectionsMax: number
  /** PEM; the only authority its certificate may come from. */
  readonly ca: string | null
}

/**
 * The insurer's claim gateway (domain §1.1, §1.5): one attempt, within the deadline, its answer bounded and checked. No
 * redirect is followed. All calls of a process leave from one address, as its tokens ask for.
 */
export function createGateway({ url, timeoutMs, connectionsMax, ca }: GatewayOptions): Gateway {
  const agent = new Agent({
    connections: connectionsMax,
    pipelining: 1,
    connect: { timeout: Math.min(CONNECT_TIMEOUT_MS, timeoutMs), ...(ca === null ? {} : { ca }) },
    headersTimeout: 0, // the deadline is one for all
    bodyTimeout: 0,
  })

  async function post(
    path: string,
    form: URLSearchParams,
    headers: Record<string, string>,
  ): Promise<{ status: number; text: string; retryAfter: string | undefined }> {
    const signal = AbortSignal.timeout(timeoutMs)
    // a connection that the gateway closed meanwhile fails as one whose answer was lost: sent again later, at no harm
    let answer: Dispatcher.ResponseData
    try {
      answer = await agent.request({
        origin: url,
        path: new URL(path, url).pathname,
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json', ...headers },
        body: form.toString(),
        signal,
      })
    } catch (cause) {
      throw lost(cause, signal)
    }
    const text = await readText(answer.body, signal)
    const retryAfter = answer.headers['retry-after']
    return {
      status: answer.statusCode,
      text,
      retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
    }
  }

  return {
    takeToken: async ({ username, passwordHash }) => {
      const form = new URLSearchParams({ username, password: passwordHash })
      const { status, text } = await post('api/token/take', form, {}).catch((error: unknown) => {
        // no file was in it
        if (!(error instanceof GatewayFailure)) throw error
        throw new GatewayFailure(error.fault, error.message, { mayBeTaken: false, cause: error.cause })
      })
      const read = readToken(status, text)
      if (read === 'failed') throw failed('gatewayFailed', 'the gateway gave no token', false)
      if (read === 'unreadable') throw failed('answerUnreadable', 'the token cannot be read', false)
      return read
    },
    sendFile: async ({ facility, share, bytes }, { username, passwordHash }, { accessToken, tokenId }) => {
      const { path, loaiHoSo } = PATHS[share]
      const form = new URLSearchParams({
        username,
        loaiHoSo,
        maTinh: facility.slice(0, 2),
        maCSKCB: facility,
        fileHSBase64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
      })
      const { status, text, retryAfter } = await post(path, form, { accessToken, tokenId, passwordHash })
      const answer = readAnswer(status, text, retryAfter)
      if (answer.kind === 'failed') throw failed('gatewayFailed', `the gateway failed (${status})`, status !== 503)
      if (answer.kind === 'unreadable') throw failed('answerUnreadable', 'the answer cannot be read', true)
      return answer
    },
    close: () => agent.destroy(),
  }
}

function failed(fault: GatewayFault, message: string, mayBeTaken: boolean, cause?: unknown): GatewayFailure {
  return new GatewayFailure(fault, message, { mayBeTaken, cause })
}

/** Of these it is certain that nothing of the request was read by anybody. */
const NEVER_LEFT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

function lost(cause: unknown, signal: AbortSignal): GatewayFailure {
  const code = codeOf(cause)
  if (NEVER_LEFT.has(code) || /^(?:ERR_TLS|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO)/.test(code)) {
    return failed('unreachable', 'the gateway cannot be reached', false, cause)
  }
  if (signal.aborted) return failed('timeout', 'the gateway did not answer in time', true, cause)
  return failed('answerLost', 'the connection ended without an answer', true, cause)
}

function codeOf(error: unknown): string {
  const known = error instanceof AggregateError ? error.errors[0] : error
  return known instanceof Error && 'code' in known && typeof known.code === 'string' ? known.code : ''
}

/** Read to its end, so that its connection can be used again; past the bound it is given up with its connection. */
async function readText(body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const part of body) {
      bytes += part.length
      if (bytes > ANSWER_BYTES_MAX) throw failed('answerUnreadable', 'the answer is too long', true)
      parts.push(part)
    }
  } catch (cause) {
    throw cause instanceof GatewayFailure ? cause : lost(cause, signal)
  }
  return new TextDecoder('utf-8').decode(Buffer.concat(parts))
}
