import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from 'undici'
import { type DataKeysFile, deriveDataKeys, mac128 } from '../src/data-keys.ts'
import type { Sql } from '../src/db/connect.ts'

/** One verification that may be sent again: the same key, the same bytes. */
export interface Ask {
  readonly key: string
  readonly client: string
  readonly body: string
}

/** The client's access token of now: one lives 10 minutes, a campaign may take longer. */
export type TokenOf = (client: string) => string

export interface Receipt {
  readonly index: number
  readonly leafHash: string
}

export type Reply =
  | { readonly answered: true; readonly receipt: Receipt; readonly text: string }
  /** `code` of the problem; null when no answer came at all. Not `sent`: nobody listened. */
  | { readonly answered: false; readonly code: string | null; readonly sent: boolean }

/** An absent server, or one that refuses, is not hammered. */
const AFTER_FAILURE_MS = 10

/**
 * Many desks that ask without a pause, each under a key of its own, and remember what they were told. It is a closed
 * loop: as many requests are under way as there are desks.
 */
export class KeyedLoad {
  readonly acknowledged = new Map<string, { readonly ask: Ask; readonly receipt: Receipt; readonly text: string }>()
  /** Asked, and not answered with a receipt: refused, or the connection died. */
  readonly unanswered = new Map<string, { readonly ask: Ask; readonly code: string | null }>()
  readonly #url: string
  readonly #makeAsk: (n: number) => Ask
  readonly #tokenOf: TokenOf
  readonly #agent: Agent
  #made = 0
  #stopped = false
  #desks: Promise<void>[] = []

  constructor(url: string, desks: number, makeAsk: (n: number) => Ask, tokenOf: TokenOf) {
    this.#url = url
    this.#makeAsk = makeAsk
    this.#tokenOf = tokenOf
    this.#agent = new Agent({ connections: desks, pipelining: 1 })
    this.#desks = Array.from({ length: desks }, () => this.#desk())
  }

  /** Requests that reached a server, each counted once. */
  get asked(): number {
    return this.acknowledged.size + this.unanswered.size
  }

  /** No new requests; returns when those under way have ended, one way or the other. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#desks)
  }

  /** Stop first. Everybody who has no receipt asks again, until nobody is left or a round brings nothing. */
  async repeatUnanswered(): Promise<void> {
    for (let left = Number.POSITIVE_INFINITY; this.unanswered.size > 0 && this.unanswered.size < left; ) {
      left = this.unanswered.size
      const asks = [...this.unanswered.values()].map((each) => each.ask)
      for (let at = 0; at < asks.length; at += 32) {
        await Promise.all(asks.slice(at, at + 32).map((ask) => this.#ask(ask)))
      }
    }
  }

  async close(): Promise<void> {
    await this.stop()
    await this.#agent.destroy()
  }

  /** Sends it once; nothing is remembered. */
  async send(ask: Ask): Promise<Reply> {
    try {
      const { statusCode, body } = await this.#agent.request({
        origin: this.#url,
        path: '/v1/verifications',
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${this.#tokenOf(ask.client)}`,
          'idempotency-key': ask.key,
        },
        body: ask.body,
      })
      const text = await body.text()
      const told = JSON.parse(text) as { receipt: Receipt; code: string }
      if (statusCode !== 200) return { answered: false, code: told.code, sent: true }
      return { answered: true, receipt: { index: told.receipt.index, leafHash: told.receipt.leafHash }, text }
    } catch (error) {
      const refused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'
      return { answered: false, code: null, sent: !refused }
    }
  }

  async #desk(): Promise<void> {
    let ask = this.#makeAsk(this.#made++)
    while (!this.#stopped) {
      const reply = await this.#ask(ask)
      if (!reply.answered) await sleep(AFTER_FAILURE_MS)
      if (reply.answered || reply.sent) ask = this.#makeAsk(this.#made++)
    }
  }

  async #ask(ask: Ask): Promise<Reply> {
    const reply = await this.send(ask)
    if (reply.answered) {
      this.unanswered.delete(ask.key)
      this.acknowledged.set(ask.key, { ask, receipt: reply.receipt, text: reply.text })
    } else if (reply.sent) this.unanswered.set(ask.key, { ask, code: reply.code })
    return reply
  }
}

/** What the log says to what the desks were told. All but `entries` and `recorded` must be 0 (`dense` true). */
export interface Verdict {
  readonly entries: number
  readonly dense: boolean
  readonly size: number
  readonly wrongLeafHashes: number
  /** Acknowledged, and not in the log under the index and with the leaf hash of the receipt. */
  readonly lost: number
  /** Keys with more than one entry. */
  readonly duplicated: number
  /** Keys that were asked and have an entry. */
  readonly recorded: ReadonlySet<string>
  /** Entries under no key that was asked. */
  readonly strangers: number
}

/** As the owner. The log must have been empty before the load. */
export async function judge(
  owner: Sql,
  dataKeys: DataKeysFile,
  load: Pick<KeyedLoad, 'acknowledged' | 'unanswered'>,
): Promise<Verdict> {
  const keys = deriveDataKeys(dataKeys)
  // as `prepare` in audit/log.ts makes it
  const digestOf = (ask: Ask) => mac128(keys.request, `key:${ask.client}\n${ask.key}`)
  const [head] = await owner<{ size: number; entries: number; dense: boolean; wrong: number }[]>`
    select (select size from log_head where log_id = 1), count(*) as entries,
           coalesce(min(leaf_index) = 0 and max(leaf_index) = count(*) - 1, true) as dense,
           count(*) filter (where leaf_hash <> sha256('\\x00'::bytea || convert_to(body, 'UTF8'))) as wrong
      from log_entry where log_id = 1`
  if (head === undefined) throw new Error('one row was asked for')
  const rows = await owner<{ index: number; hash: string; key: string | null }[]>`
    select e.leaf_index as index, encode(e.leaf_hash, 'base64') as hash, replace(d.idempotency_key::text, '-', '') as key
      from log_entry e left join entry_detail d using (log_id, leaf_index) where log_id = 1`

  const entriesOf = new Map<string, { index: number; hash: string }[]>()
  for (const { index, hash, key } of rows) {
    const known = entriesOf.get(key ?? '')
    if (known === undefined) entriesOf.set(key ?? '', [{ index, hash }])
    else known.push({ index, hash })
  }
  let lost = 0
  for (const { ask, receipt } of load.acknowledged.values()) {
    const entries = entriesOf.get(digestOf(ask)) ?? []
    if (!entries.some((each) => each.index === receipt.index && each.hash === receipt.leafHash)) lost++
  }
  let duplicated = 0
  let ours = 0
  const recorded = new Set<string>()
  for (const { ask } of [...load.acknowledged.values(), ...load.unanswered.values()]) {
    const entries = entriesOf.get(digestOf(ask))?.length ?? 0
    ours += entries
    if (entries > 0) recorded.add(ask.key)
    if (entries > 1) duplicated++
  }
  return {
    entries: head.entries,
    size: head.size,
    dense: head.dense,
    wrongLeafHashes: head.wrong,
    lost,
    duplicated,
    recorded,
    strangers: head.entries - ours,
  }
}
