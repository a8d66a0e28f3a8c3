import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { todayInVietnam } from '../../src/calendar.ts'
import { CATALOGUE_FEED, catalogueRows } from './catalogue.ts'
import { type DailyPlan, dailyOperations } from './daily.ts'
import { type FeedFile, type FeedKey, writeFeedFile } from './feed-file.ts'
import { Gateway, type GatewayOptions } from './gateway/gateway.ts'

export const FAULTS = ['badSignature', 'truncated', 'duplicate', 'gap', 'slow', 'reset', 'unavailable'] as const
export type Fault = (typeof FAULTS)[number]

export interface Insurer {
  readonly url: string
  /** Makes the next day's delta; returns its sequence. */
  readonly produce: () => Promise<number>
  /** Makes the next edition of the catalogue of facilities; returns its sequence. */
  readonly produceCatalogue: () => Promise<number>
  /** The next answers go wrong in that way, so often. */
  readonly fault: (fault: Fault, times?: number) => void
  readonly close: () => Promise<void>
}

export interface InsurerOptions {
  /** Where its files lie. */
  readonly folder: string
  readonly key: FeedKey
  readonly feed: string
  /** Of the full feed that the first delta follows. */
  readonly sequence: number
  readonly plan: DailyPlan
  readonly encoding: FeedFile['encoding']
  readonly now: () => Date
  /** 0: whichever is free. */
  readonly port?: number
  /** Keeps producing; 0: only when asked. */
  readonly produceEveryMs?: number
  /** A demo's: what was made before in this folder is offered still, and what is made took effect today. */
  readonly goesOn?: boolean
  /** It has the catalogue of facilities too, signed by this one. */
  readonly catalogueKey?: FeedKey
  /** It takes claims too. */
  readonly gateway?: GatewayOptions
}

/**
 * The insurer's side of `src/sync/README.md`: signs and offers daily deltas of a demo province, and catalogues of its
 * facilities, and goes wrong on demand. With a gateway for claims it has all on one port.
 */
export async function startInsurer(options: InsurerOptions): Promise<Insurer> {
  const { folder, catalogueKey } = options
  const manifests = options.goesOn === true ? await deltasIn(folder, options) : []
  const faults = new Map<Fault, number>()
  const happens = (fault: Fault): boolean => {
    const times = faults.get(fault) ?? 0
    if (times > 0) faults.set(fault, times - 1)
    return times > 0
  }
  let producing: Promise<unknown> = Promise.resolve()
  /** One after the other, so that each has its number. */
  const inTurn = (make: () => Promise<number>): Promise<number> => {
    const made = producing.then(make)
    producing = made.catch(() => {})
    return made
  }
  const produce = () =>
    inTurn(async () => {
      const day = manifests.length + 1
      const sequence = options.sequence + day
      const created = options.now()
      const { feed, encoding } = options
      const file = { feed, sequence, kind: 'delta', encoding, asOf: created, created } as const
      const lines = dailyOperations(options.plan, day, options.goesOn === true ? todayInVietnam(created) : undefined)
      const { manifest } = await writeFeedFile(folder, options.key, file, lines)
      manifests.push({ sequence, text: manifest })
      return sequence
    })
  const produceCatalogue = () =>
    inTurn(async () => {
      if (catalogueKey === undefined) throw new Error('this insurer has no key of the catalogue')
      const sequence = ((await cataloguesIn(folder)).at(-1)?.sequence ?? FIRST_CATALOGUE) + 1
      const created = options.now()
      const file = { feed: CATALOGUE_FEED, sequence, kind: 'full', encoding: 'plain', asOf: created, created } as const
      await writeFeedFile(folder, catalogueKey, file, catalogueRows(sequence))
      return sequence
    })

  async function list(feed: string, after: number): Promise<string[]> {
    const made = feed === options.feed ? manifests : feed === CATALOGUE_FEED ? await cataloguesIn(folder) : []
    const offered = made.filter((each) => each.sequence > after).slice(0, 100)
    let texts = offered.map((each) => each.text)
    if (happens('gap')) texts = texts.slice(1)
    if (happens('duplicate'))
      texts = [...made.filter((each) => each.sequence <= after).map((each) => each.text), ...texts, ...texts].slice(
        0,
        100,
      )
    if (happens('badSignature'))
      texts = texts.map((each) => `${each.slice(0, each.lastIndexOf('.'))}.${randomBytes(64).toString('base64url')}`)
    return texts
  }

  const gateway = options.gateway === undefined ? null : new Gateway(options.gateway)

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (gateway !== null && (await gateway.handle(request, response))) return
    const url = new URL(request.url ?? '/', 'http://insurer')
    const feed = url.searchParams.get('feed') ?? options.feed
    if (request.method === 'POST' && url.pathname === '/admin/produce')
      return json(response, 200, { sequence: await (feed === CATALOGUE_FEED ? produceCatalogue() : produce()) })
    if (request.method === 'POST' && url.pathname === '/admin/faults') {
      const fault = FAULTS.find((each) => each === url.searchParams.get('fault'))
      if (fault === undefined) return json(response, 400, { faults: FAULTS })
      faults.set(fault, Number(url.searchParams.get('times') ?? '1'))
      return json(response, 200, { fault })
    }
    if (happens('unavailable')) return json(response, 503, {})
    if (url.pathname === '/manifests')
      return json(response, 200, await list(feed, Number(url.searchParams.get('after') ?? '0')))
    const file = /^\/files\/([A-Za-z0-9][A-Za-z0-9._-]*)$/.exec(url.pathname)?.[1]
    if (file === undefined) return json(response, 404, {})
    const bytes = await readFile(join(folder, file))
    response.writeHead(200, { 'content-type': 'application/octet-stream' })
    if (happens('truncated')) return void response.end(bytes.subarray(0, bytes.length / 2))
    if (happens('reset')) {
      response.write(bytes.subarray(0, bytes.length / 2))
      await sleep(20)
      return void response.destroy()
    }
    if (happens('slow')) {
      for (let at = 0; at < bytes.length; at += 1_024) {
        response.write(bytes.subarray(at, at + 1_024))
        await sleep(10)
      }
      return void response.end()
    }
    response.end(bytes)
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const everyMs = options.produceEveryMs ?? 0
  const timer = everyMs > 0 ? setInterval(() => void produce().catch(() => {}), everyMs) : null
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    produce,
    produceCatalogue,
    fault: (fault, times = 1) => void faults.set(fault, times),
    close: async () => {
      if (timer !== null) clearInterval(timer)
      gateway?.close()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await producing
    },
  }
}

interface Made {
  readonly sequence: number
  readonly text: string
}

/** A demo has the first one from its start. */
const FIRST_CATALOGUE = 1

/** All that were made in this folder, in order; of one that a kill left half-written there is no whole line. */
async function cataloguesIn(folder: string): Promise<Made[]> {
  const made: Made[] = []
  for (const name of (await readdir(folder)).toSorted()) {
    const sequence = new RegExp(`^${CATALOGUE_FEED}-(\\d{8})-full\\.jws$`).exec(name)?.[1]
    const text = sequence === undefined ? '' : await readFile(join(folder, name), 'utf8')
    if (text.endsWith('\n')) made.push({ sequence: Number(sequence), text: text.trim() })
  }
  return made
}

/** In order from the one after the full feed. What a kill left half-written ends them, and is made again. */
async function deltasIn(folder: string, { feed, sequence }: InsurerOptions): Promise<Made[]> {
  const names = new Set(await readdir(folder))
  const made: Made[] = []
  for (let next = sequence + 1; ; next++) {
    const name = `${feed}-${String(next).padStart(8, '0')}-delta.jws`
    const text = names.has(name) ? await readFile(join(folder, name), 'utf8') : ''
    if (!text.endsWith('\n')) return made
    made.push({ sequence: next, text: text.trim() })
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
