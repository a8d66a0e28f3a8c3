import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { SealRefused } from '../../src/audit/seal/seal.ts'
import { openNote } from '../../src/audit/signed-note.ts'
import { cosignBy, originHash } from '../../src/audit/witness/client.ts'
import { createWitness } from '../../src/audit/witness/witness.ts'
import { entries, logKey, signedLog, witnessKey } from '../support/signed-log.ts'

const log = logKey('log.example/1')
const honest = signedLog(log, entries(20))
const forked = signedLog(log, entries(20, 10))
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A witness behind HTTP; `bare` shows nothing of what it knows. */
async function witness(name: string, bare = false) {
  const key = witnessKey(name)
  let known: string | null = null
  const memory = {
    latest: () => known,
    remember: async (_: string, note: string) => {
      known = note
    },
  }
  const one = createWitness([log.verifier], key.signer, memory, () => {})
  const asked: string[] = []
  const url = await listen(async (request, response) => {
    if (request.method === 'GET') {
      const latest = bare || request.url !== `/${originHash(log.origin)}/checkpoint` ? null : one.latest(log.origin)
      response.writeHead(latest === null ? 404 : 200).end(latest)
      return
    }
    const body = (await request.setEncoding('utf8').toArray()).join('')
    asked.push(body.split('\n')[0] ?? '')
    const { status, type, body: answer } = await one.add(body)
    response.writeHead(status, { 'content-type': type }).end(answer)
  })
  return { verifier: key.verifier, url, asked, one }
}

function cosigning(witnesses: { verifier: Awaited<ReturnType<typeof witness>>['verifier']; url: string }[]) {
  const told: [string, string | null][] = []
  const cosign = cosignBy(witnesses, {
    deadlineMs: 500,
    logKeys: [log.verifier],
    told: (name, failure) => told.push([name, failure?.message ?? null]),
  })
  return { cosign, told }
}

test('all that cosign are attached, and from then on each is asked from where it stands', async () => {
  const [a, b] = [await witness('a.example'), await witness('b.example')]
  const { cosign, told } = cosigning([a, b])
  for (const size of [3, 9, 20]) {
    const note = await cosign(honest.unpublished(size))
    expect(openNote(note, [log.verifier, a.verifier, b.verifier])?.by).toHaveLength(3)
  }
  expect(a.asked).toEqual(['old 0', 'old 3', 'old 9'])
  expect(told.every(([, failure]) => failure === null)).toBe(true)
})

test('a sealer that begins anew learns from the witness where it stands', async () => {
  const a = await witness('a.example')
  await cosigning([a]).cosign(honest.unpublished(9))
  const note = await cosigning([a]).cosign(honest.unpublished(20))
  expect(openNote(note, [a.verifier])?.by).toEqual([a.verifier])
  expect(a.asked.slice(1)).toEqual(['old 0', 'old 9'])
})

test('who is down, silent, or answers nonsense is left out; the others are attached', async () => {
  const a = await witness('a.example')
  const foreign = await witness('a.example') // another key of that name
  const silent = await listen(() => {})
  const endless = await listen((_, response) => {
    response.on('error', () => {})
    const more = () => !response.destroyed && response.write('x'.repeat(65_536), more)
    more()
  })
  const others = ['http://127.0.0.1:1', silent, endless, foreign.url].map((url, n) => ({
    verifier: witnessKey(`${n}.example`).verifier,
    url,
  }))
  const { cosign, told } = cosigning([...others, a])
  const note = await cosign(honest.unpublished(9))
  expect(note.split('\n')).toHaveLength(honest.note(9).split('\n').length + 1)
  expect(openNote(note, [a.verifier])?.by).toEqual([a.verifier])
  expect(told.filter(([, failure]) => failure !== null)).toHaveLength(4)
})

test('who cosigned already is not asked again', async () => {
  const [a, b] = [await witness('a.example'), await witness('b.example')]
  const note = await cosigning([a]).cosign(honest.unpublished(9))
  const both = await cosigning([a, b]).cosign({ ...honest.unpublished(9), note })
  expect(openNote(both, [a.verifier, b.verifier])?.by).toHaveLength(2)
  expect(a.asked).toEqual(['old 0'])
})

test('a log that was set back is shown what it signed, and signs nothing', async () => {
  const a = await witness('a.example')
  await cosigning([a]).cosign(honest.unpublished(20))
  const refusal = await cosigning([a])
    .cosign(honest.unpublished(9))
    .catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(SealRefused)
  expect(refusal).toMatchObject({ fault: 'logBehindWitness', at: 20 })
})

test.each([12, 15])('a log that grew anew from an older backup is found out at %i entries', async (size) => {
  const a = await witness('a.example')
  await cosigning([a]).cosign(honest.unpublished(12))
  const refusal = await cosigning([a])
    .cosign(forked.unpublished(size))
    .catch((error: unknown) => error)
  expect(refusal).toMatchObject({ fault: 'witnessNotPrefix', at: 12 })
})

test('a witness that only says so stops nobody', async () => {
  const a = await witness('a.example', true)
  await cosigning([a]).cosign(honest.unpublished(20))
  const { cosign, told } = cosigning([a])
  expect(await cosign(honest.unpublished(9))).toBe(honest.note(9))
  expect(told).toEqual([['a.example', 'it says that it has seen 20 entries, and does not show them']])
})
