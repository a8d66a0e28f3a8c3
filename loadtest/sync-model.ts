import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { person } from '../mocks/province/person.ts'
import { type IsoDate, isoDate } from '../src/calendar.ts'
import { rollBack } from '../src/cli/import.ts'
import { mergeStaged, stagePlan } from '../src/cli/import-full.ts'
import { operatorDeed } from '../src/cli/operator-deed.ts'
import { openHolder } from '../src/coverage/holder.ts'
import { type DataKeysFile, deriveDataKeys, lookupKey } from '../src/data-keys.ts'
import { connect, type Sql } from '../src/db/connect.ts'
import { applyDelta } from '../src/sync/delta/apply.ts'
import type { FeedRow } from '../src/sync/feed.ts'
import { copyStageChunk, openStage } from '../src/sync/full/store.ts'
import { prepareLines } from '../src/sync/load.ts'
import type { Manifest } from '../src/sync/manifest.ts'

/**
 * A model of the copy, and commands that are done to both: any order of full feeds, deltas, repeated and early ones, cut
 * connections and rollbacks ends in the model's state, and every earlier state is still known as it was.
 */

const PEOPLE = 8
const COVERAGES = 2
const FACILITIES = ['38001', '38002', '38003']
const STATUSES = ['active', 'revoked', 'movedOut'] as const
const ENDING: ReadonlySet<string> = new Set(['revoked', 'stopped', 'reduced', 'held'])

const province = { seed: 'model', baseDate: isoDate('2026-11-01') }
const people = Array.from({ length: PEOPLE }, (_, i) => person(province, i))

/** What is told of a coverage; null: it is no more. */
interface Word {
  readonly key: number
  readonly says: { readonly facility: number; readonly status: number } | null
}

type Held = Map<number, { readonly says: string; readonly sequence: number }>

interface State {
  readonly kind: 'full' | 'delta' | 'rollback'
  readonly sequence: number
  readonly held: Held
  /** Of a rollback: the state it went back to, by place. */
  readonly backTo: number | null
}

export interface Model {
  held: Held
  states: State[]
  sequence: number
}

export interface Real {
  readonly sql: Sql
  readonly url: string
  readonly dataKeys: DataKeysFile
  /** Batches as they were sent, for sending them again. */
  readonly sent: Map<number, Sent>
  clock: number
}

const word = fc.record({
  key: fc.nat(PEOPLE * COVERAGES - 1),
  says: fc.option(fc.record({ facility: fc.nat(FACILITIES.length - 1), status: fc.nat(STATUSES.length - 1) }), {
    freq: 4,
  }),
})
const words = fc.array(word, { maxLength: 8 })

function saysOf(says: NonNullable<Word['says']>): string {
  return `${FACILITIES[says.facility]} ${STATUSES[says.status]}`
}

function lineOf({ key, says }: Word): string {
  const someone = people[Math.floor(key / COVERAGES)]
  const coverageNo = (key % COVERAGES) + 1
  if (someone === undefined) throw new Error('a key of the model')
  const { citizenId, insuranceNumber } = someone
  if (says === null) return JSON.stringify({ op: 'remove', citizenId, insuranceNumber, coverageNo })
  const row: FeedRow = {
    ...(someone.coverages[0] as FeedRow),
    coverageNo,
    registeredFacility: FACILITIES[says.facility] ?? '',
    status: STATUSES[says.status] ?? 'active',
    statusFrom: null,
  }
  return JSON.stringify({ op: 'put', ...row })
}

interface Sent {
  readonly manifest: Manifest
  readonly bytes: Buffer
}

/** Unsigned: signatures are another test's. */
function batchOf(real: Real, sequence: number, kind: 'full' | 'delta', told: readonly Word[]): Sent {
  const bytes = Buffer.from(told.map((each) => `${lineOf(each)}\n`).join(''))
  const at = new Date(1_795_000_000_000 + real.clock++).toISOString()
  const manifest: Manifest = {
    v: 1,
    feed: 'vss',
    sequence,
    kind,
    previous: kind === 'full' ? null : sequence - 1,
    rows: told.length,
    file: 'x',
    encoding: 'plain',
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    created: at,
    asOf: at,
  }
  return { manifest, bytes }
}

function deeds(real: Real) {
  const keys = deriveDataKeys(real.dataKeys)
  return {
    keys,
    deed: (...[kind, outcome, details]: Parameters<Parameters<typeof applyDelta>[4]>) =>
      operatorDeed(keys, kind, null, outcome, details),
  }
}

async function send(real: Real, sql: Sql, { manifest, bytes }: Sent) {
  const { keys, deed } = deeds(real)
  return applyDelta(sql, keys, manifest, Readable.from([bytes], { objectMode: false }), deed)
}

/** The last word about each coverage. */
function last(told: readonly Word[]): Word[] {
  return [...new Map(told.map((each) => [each.key, each])).values()]
}

function tell(held: Held, sequence: number, told: readonly Word[]): Held {
  const next: Held = new Map(held)
  for (const { key, says } of last(told)) {
    const now = next.get(key)
    if (now !== undefined && now.sequence > sequence) continue
    if (says === null) next.delete(key)
    else if (now?.says !== saysOf(says)) next.set(key, { says: saysOf(says), sequence })
  }
  return next
}

function arrive(model: Model, kind: State['kind'], sequence: number, held: Held, backTo: number | null = null): void {
  model.held = held
  model.sequence = sequence
  model.states.push({ kind, sequence, held, backTo })
}

abstract class Step implements fc.AsyncCommand<Model, Real> {
  check(_model: Readonly<Model>): boolean {
    return true
  }
  async run(model: Model, real: Real): Promise<void> {
    await this.act(model, real)
    await compare(model, real)
  }
  protected abstract act(model: Model, real: Real): Promise<void>
}

class Full extends Step {
  readonly told: readonly Word[]
  readonly skipped: number
  constructor(told: readonly Word[], skipped: number) {
    super()
    this.told = last(told).filter((each) => each.says !== null)
    this.skipped = skipped
  }
  protected override async act(model: Model, real: Real) {
    const sequence = model.sequence + 1 + this.skipped
    const { manifest, bytes } = batchOf(real, sequence, 'full', this.told)
    const { sql, url: ownerUrl, dataKeys } = real
    const job = {
      sql,
      ownerUrl,
      dataKeys,
      manifest,
      dataFile: '',
      shrinkMaxPercent: 100,
      acceptShrink: null,
      say: () => {},
    }
    const plan = stagePlan(job)
    await openStage(sql, plan.source)
    const lines = { position: 0, count: this.told.length, bytes }
    if (lines.count > 0)
      await copyStageChunk(sql, plan.source, await prepareLines(deriveDataKeys(dataKeys), plan, 0, 'stage', lines))
    await mergeStaged(job)
    const kept = [...model.held].filter(([key, now]) => {
      const says = this.told.find((each) => each.key === key)?.says
      return now.sequence > sequence || (says !== undefined && says !== null && saysOf(says) === now.says)
    })
    arrive(model, 'full', sequence, tell(new Map(kept), sequence, this.told))
  }
  override toString = () => `full +${1 + this.skipped} ${JSON.stringify(this.told)}`
}

/** A delta, whole, or cut off on its way and sent again. */
class Delta extends Step {
  readonly told: readonly Word[]
  readonly cutAfterMs: number | null
  constructor(told: readonly Word[], cutAfterMs: number | null) {
    super()
    this.told = told
    this.cutAfterMs = cutAfterMs
  }
  protected override async act(model: Model, real: Real) {
    const sequence = model.sequence + 1
    const batch = batchOf(real, sequence, 'delta', this.told)
    real.sent.set(sequence, batch)
    if (this.cutAfterMs !== null) await cutOff(real, batch, this.cutAfterMs)
    const { state } = await send(real, real.sql, batch)
    if (state === 'gap' || (state === 'already' && this.cutAfterMs === null)) throw new Error(`a next delta: ${state}`)
    arrive(model, 'delta', sequence, tell(model.held, sequence, this.told))
  }
  override toString = () =>
    `delta${this.cutAfterMs === null ? '' : ` cut after ${this.cutAfterMs} ms`} ${JSON.stringify(this.told)}`
}

/** On a connection that the server ends while the statement is anywhere. */
async function cutOff(real: Real, batch: Sent, afterMs: number): Promise<void> {
  const sql = connect(real.url, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'cut off' })
  try {
    const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
    const sending = send(real, sql, batch).catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    await real.sql`select pg_terminate_backend(${backend?.pid ?? 0}, 5000)`
    await sending
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** A batch that was sent before, whatever became of it since. */
class Again extends Step {
  readonly place: number
  constructor(place: number) {
    super()
    this.place = place
  }
  override check = (model: Readonly<Model>) => model.states.some((each) => each.kind === 'delta')
  protected override async act(model: Model, real: Real) {
    const sequences = [...real.sent.keys()].filter((each) => each <= model.sequence)
    const batch = real.sent.get(sequences[this.place % Math.max(1, sequences.length)] ?? -1)
    if (batch === undefined) return
    const applied = await real.sql`
      select from feed_batch where sequence = ${batch.manifest.sequence} and kind <> 'rollback' and digest <> ${batch.manifest.sha256}
         and applied_at = (select max(applied_at) from feed_batch where sequence = ${batch.manifest.sequence} and kind <> 'rollback')`
    const sent = send(real, real.sql, batch)
    const outcome = await sent.then(
      ({ state }) => state,
      (error: unknown) => (error as { code?: string }).code,
    )
    if (outcome !== (applied.count > 0 ? 'feed_sequence' : 'already')) throw new Error(`sent again: ${outcome}`)
  }
  override toString = () => `again ${this.place}`
}

/** A delta whose predecessors are missing: only what ends cards is heard. */
class Early extends Step {
  readonly told: readonly Word[]
  readonly ahead: number
  constructor(told: readonly Word[], ahead: number) {
    super()
    this.told = told
    this.ahead = ahead
  }
  protected override async act(model: Model, real: Real) {
    const sequence = model.sequence + 2 + this.ahead
    const { state } = await send(real, real.sql, batchOf(real, sequence, 'delta', this.told))
    if (state !== 'gap') throw new Error(`a delta after a gap: ${state}`)
    const ended = last(this.told).filter(({ says }) => says !== null && ENDING.has(STATUSES[says.status] ?? ''))
    model.held = tell(model.held, sequence, ended)
  }
  override toString = () => `early +${2 + this.ahead} ${JSON.stringify(this.told)}`
}

class RollBack extends Step {
  protected override async act(model: Model, real: Real) {
    const to = beforeLastFull(model.states)
    const done = rollBack(real.sql, 'vss', real.dataKeys, 'the model says so', () => {})
    if (to === null) {
      const refused = await done.then(
        () => false,
        () => true,
      )
      if (!refused) throw new Error('there is no state to go back to')
      return
    }
    await done
    const state = model.states[to] as State
    arrive(model, 'rollback', state.sequence, state.held, to)
  }
  override toString = () => 'rollback'
}

function beforeLastFull(states: readonly State[]): number | null {
  let at = states.length - 1
  while (states[at]?.kind !== 'full') at = states[at]?.backTo ?? at - 1
  if (at === 0) return null
  at--
  while (states[at]?.kind === 'rollback') at = states[at]?.backTo ?? 0
  return at
}

export const commands = fc.commands(
  [
    fc.tuple(words, fc.nat(2)).map(([told, skipped]) => new Full(told, skipped)),
    words.map((told) => new Delta(told, null)),
    fc.tuple(words, fc.nat(12)).map(([told, afterMs]) => new Delta(told, afterMs)),
    fc.nat(20).map((place) => new Again(place)),
    fc.tuple(words, fc.nat(2)).map(([told, ahead]) => new Early(told, ahead)),
    fc.constant(new RollBack()),
  ],
  { maxCommands: 14 },
)

/** Both begin with a first full feed. */
export async function begin(real: Real, told: readonly Word[] = []): Promise<{ model: Model; real: Real }> {
  await real.sql`truncate coverage, alias, alias_change, feed_batch, feed_watermark, feed_load, feed_chunk, quarantine, coverage_stage,
                          alias_stage, quarantine_stage, stage_chunk`
  real.sent.clear()
  const model: Model = { held: new Map(), states: [], sequence: 0 }
  await new Full([...told, { key: 0, says: { facility: 0, status: 0 } }], 0).run(model, real)
  return { model, real }
}

/** The present state, and every state there was, as the database knows it. */
async function compare(model: Model, real: Real): Promise<void> {
  const keys = deriveDataKeys(real.dataKeys)
  const places = new Map(people.map((each, i) => [lookupKey(keys, each.citizenId) as string, i]))
  const states = await real.sql<{ applied_at: string; sequence: number; kind: string; rows: number }[]>`
    select applied_at::text, sequence, kind, rows from feed_batch order by applied_at`
  const said = (each: readonly { kind: string; sequence: number }[]) =>
    each.map(({ kind, sequence }) => `${kind} ${sequence}`).join()
  expectSame('the states', said(states), said(model.states))
  const rows = await real.sql<
    {
      subject: string
      no: number
      facility: string
      status: string
      valid_from: IsoDate
      sealed: Buffer
      sequence: number
      known_from: string
      known_to: string
    }[]
  >`select subject, coverage_no as no, registered_facility as facility, status, valid_from, sealed, feed_sequence as sequence,
           known_from::text, known_to::text from coverage`
  const at = (instant: string | null) => {
    const held: Held = new Map()
    for (const row of rows) {
      const isThere =
        instant === null
          ? row.known_to === 'infinity'
          : row.known_from <= instant && (row.known_to === 'infinity' || row.known_to > instant)
      if (!isThere) continue
      const subject = row.subject.replaceAll('-', '')
      const place = (places.get(subject) ?? Number.NaN) * COVERAGES + row.no - 1
      if (held.has(place)) throw new Error('two versions of one coverage at one time')
      held.set(place, { says: `${row.facility} ${row.status}`, sequence: row.sequence })
      const days = { validFrom: row.valid_from, validTo: null, fiveYearsFrom: null, statusFrom: null }
      const { holder } = openHolder(keys, subject, row.sealed, days)
      if (places.get(lookupKey(keys, holder.citizenId ?? '')) !== places.get(subject)) throw new Error('another holder')
    }
    return textOf(held)
  }
  expectSame('now', at(null), textOf(model.held))
  for (const [i, state] of model.states.entries()) {
    expectSame(`state ${i}`, at(states[i]?.applied_at ?? ''), textOf(state.held))
  }
  const [watermark] = await real.sql<
    { sequence: number; rows: number }[]
  >`select sequence, rows from feed_watermark where feed = 'vss'`
  expectSame('the watermark', watermark?.sequence, model.sequence)
}

function textOf(held: Held): string {
  return [...held]
    .toSorted(([a], [b]) => a - b)
    .map(([key, { says, sequence }]) => `${key} ${says} ${sequence}`)
    .join('\n')
}

function expectSame(what: string, is: unknown, wanted: unknown): void {
  if (is !== wanted) throw new Error(`${what}: the database has\n${is}\nthe model\n${wanted}`)
}
