import { randomBytes } from 'node:crypto'
import { link, rm } from 'node:fs/promises'
import { importJWK, SignJWT } from 'jose'
import { keyIdOf, PROOF_TYPE } from '../access/enrolment.ts'
import { readClientId } from '../access/principal.ts'
import { makeSigningKey } from '../access/token-keys.ts'
import { readArguments } from './arguments.ts'
import { writeSecret } from './data-folder.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 'enrol --url URL --client facility:38001 --code CODE [--out FILE]'

/**
 * `kiemthe enrol`, in the house of the facility, auditor or feed: makes a key pair, writes it (mode 0600), registers the public half with a
 * one-time code. The private half never leaves. The file is there before the service is asked: if the answer is lost
 * the key is not, and its `kid` says who it is.
 */
export async function enrol(args: string[]): Promise<void> {
  const { values } = readArguments(args, {
    url: { type: 'string' },
    client: { type: 'string' },
    code: { type: 'string' },
    out: { type: 'string' },
  })
  const { url, client: clientId = '', code } = values
  if (url === undefined || code === undefined || readClientId(clientId) === null) throw new UsageError(USAGE)
  const endpoint = `${url.replace(/\/$/, '')}/v1/enrolments`
  const { d, kid: _temporary, ...publicJwk } = await makeSigningKey(randomBytes(4).toString('hex'))
  const kid = keyIdOf(publicJwk)
  const out = values.out ?? `${clientId.replace(':', '-')}.jwk.json`
  const draft = `${out}.${kid}`
  await writeSecret(draft, { kid, ...publicJwk, d })
  try {
    await link(draft, out) // fails where there is one: a key is never overwritten
  } catch {
    throw new UsageError(`${out} is there already, or cannot be written; choose another --out`)
  } finally {
    await rm(draft, { force: true })
  }
  const seconds = Math.floor(Date.now() / 1000)
  const proof = await new SignJWT({ sub: clientId, aud: endpoint, iat: seconds, exp: seconds + 120 })
    .setProtectedHeader({ alg: 'EdDSA', typ: PROOF_TYPE })
    .sign(await importJWK({ ...publicJwk, d }, 'EdDSA'))
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ clientId, code, publicJwk, proof }),
  })
  const answer: { code?: string; integrator?: string; detail?: string } = JSON.parse(await response.text())
  if (!response.ok) {
    if (response.status < 500) await rm(out) // it certainly was not registered
    throw new UsageError(`${answer.code}: ${answer.integrator} ${answer.detail ?? ''}`.trim())
  }
  process.stderr.write(`${clientId}: key ${kid} is registered, private half in ${out}\n`)
}
