import type { SealedTable } from '../seal.ts'
import type { Sql } from './connect.ts'

/** What is sealed, where: a table that is missing here would keep rows under a key that is thrown away. */
interface Place {
  /** The primary key: column, type, and a value before all others. */
  readonly key: readonly (readonly [column: string, type: string, first: string])[]
  /** The row's subject as `src/seal.ts` binds it. */
  readonly subject: string
  /** Where rows are large: of one statement, at the most. */
  readonly rowsMax?: number
}

const PLACES: Readonly<Record<SealedTable, Place>> = {
  coverage: {
    key: [
      ['subject', 'uuid', '00000000-0000-0000-0000-000000000000'],
      ['coverage_no', 'smallint', '-1'],
      ['known_from', 'timestamptz', '-infinity'],
    ],
    subject: "replace(subject::text, '-', '')",
  },
  entry_detail: {
    key: [
      ['log_id', 'smallint', '-1'],
      ['leaf_index', 'bigint', '-1'],
    ],
    subject: "coalesce(replace(subject::text, '-', ''), '')",
  },
  quarantine: {
    key: [
      ['feed', 'text', ''],
      ['sequence', 'bigint', '-1'],
      ['position', 'bigint', '-1'],
    ],
    subject: "concat_ws('/', feed, sequence, position)",
  },
  feed_inbox_part: {
    key: [
      ['upload', 'uuid', '00000000-0000-0000-0000-000000000000'],
      ['part', 'integer', '-1'],
    ],
    subject: "concat_ws('/', upload, part)",
    rowsMax: 8, // a part is 1 MiB (`src/sync/inbox/parts.ts`): 8 travel as 11 MB of base64, 1,000 would be past PostgreSQL's 1 GB
  },
  legal_hold: {
    key: [
      ['hold', 'text', ''],
      ['target', 'text', ''],
    ],
    subject: 'hold',
  },
  open_visit: {
    key: [
      ['log_id', 'smallint', '-1'],
      ['visit', 'uuid', '00000000-0000-0000-0000-000000000000'],
    ],
    subject: "replace(visit::text, '-', '')",
  },
  claim_dossier: {
    key: [
      ['log_id', 'smallint', '-1'],
      ['leaf_index', 'bigint', '-1'],
    ],
    subject: "replace(dossier_key::text, '-', '')",
    rowsMax: 4, // up to 8 MiB each: 4 travel as 45 MB of base64
  },
}

export const SEALED_TABLES = Object.keys(PLACES) as SealedTable[]

/** No key holds one (feeds have plain names). */
const SEPARATOR = '\u001f'

/** The values of a primary key, as text. */
export type RowKey = readonly string[]

export function beforeAll(table: SealedTable): RowKey {
  return PLACES[table].key.map(([, , first]) => first)
}

/** Rows of one statement. */
export function rowsAtOnce(table: SealedTable, rowsMax: number): number {
  return Math.min(rowsMax, PLACES[table].rowsMax ?? rowsMax)
}

export interface SealedRow {
  readonly key: RowKey
  readonly subject: string
  /** Null: it has the wanted generation already. */
  readonly sealed: Buffer | null
}

/** The next rows in the order of their primary key, whatever their generation: each statement is short, however few are left. */
export async function readSealed(
  sql: Sql,
  table: SealedTable,
  generation: number,
  after: RowKey,
  rowsMax: number,
): Promise<SealedRow[]> {
  const { key, subject } = PLACES[table]
  const columns = key.map(([column]) => `${column}`).join(', ')
  const rows = await sql.unsafe<{ key: string; bound: string; sealed: Buffer | null }[]>(
    // `bound`: a column called subject would be what ORDER BY means, and no index has that one
    `select concat_ws(${separator}, ${columns}) as key, ${subject} as bound,
            case when get_byte(sealed, 0) <> $1::int then sealed end as sealed
       from ${table}
      where (${columns}) > (${key.map(([, type], n) => `$${n + 3}::${type}`).join(', ')})
      order by ${columns} limit $2::int`,
    [generation, rowsMax, ...after],
  )
  return rows.map(({ key: text, bound, sealed }) => ({ key: text.split(SEPARATOR), subject: bound, sealed }))
}

const separator = 'chr(31)'

export interface Resealed {
  readonly key: RowKey
  readonly former: Buffer
  readonly sealed: Buffer
}

/** Generation and nonce: no two sealed values have the same. */
const HEAD_BYTES = 13

/**
 * One statement. A row that somebody changed or holds since it was read stays as it is, for the next pass: nothing waits
 * here, so nothing can wait for one another.
 */
export async function writeResealed(sql: Sql, table: SealedTable, rows: readonly Resealed[]): Promise<number> {
  const { key } = PLACES[table]
  const columns = [...key.map(([column]) => column), 'head', 'fresh']
  const texts = [
    ...key.map((_, n) => rows.map((row) => row.key[n] ?? '')),
    rows.map((row) => row.former.subarray(0, HEAD_BYTES).toString('base64')),
    rows.map((row) => row.sealed.toString('base64')),
  ]
  const same = (one: string, other: string) =>
    key.map(([column, type]) => `${one}.${column} = ${other}.${column}::${type}`).join(' and ')
  const written = await sql.unsafe(
    `with input as (
       select * from unnest(${texts.map((_, n) => `string_to_array($${n + 1}, ${separator})`).join(', ')})
         as r(${columns.join(', ')})
     ), free as (
       select ${key.map(([column]) => `t.${column}`).join(', ')}, decode(fresh, 'base64') as fresh
         from ${table} t join input on ${same('t', 'input')}
        where substring(t.sealed from 1 for ${HEAD_BYTES}) = decode(head, 'base64')
          for update of t skip locked
     )
     update ${table} t set sealed = free.fresh from free where ${same('t', 'free')}`,
    texts.map((column) => column.join(SEPARATOR)),
  )
  return written.count
}

/** For progress only: what PostgreSQL last counted. */
export async function estimateSealed(sql: Sql): Promise<number> {
  const [row] = await sql<{ rows: number }[]>`
    select sum(greatest(reltuples, 0))::bigint as rows
      from pg_class where oid in ('coverage'::regclass, 'entry_detail'::regclass, 'quarantine'::regclass,
                                     'feed_inbox_part'::regclass, 'open_visit'::regclass, 'claim_dossier'::regclass)`
  return row?.rows ?? 0
}

/** A loader keeps the keys it began with, and so does what stands in its stage. */
export async function isLoadUnderWay(sql: Sql): Promise<boolean> {
  const rows = await sql`
    (select from feed_load where finished_at is null limit 1) union all (select from stage_chunk limit 1)`
  return rows.count > 0
}

/** One rotation at a time, wherever it runs: held as long as this connection. */
export async function takeRotationLock(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ taken: boolean }[]>`select pg_try_advisory_lock(hashtext('kiemthe keys')) as taken`
  return row?.taken ?? false
}
