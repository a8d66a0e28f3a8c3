import { type FsckReport, type FsckReports, fsck } from '../src/audit/fsck/fsck.ts'
import { databaseSource } from '../src/audit/fsck/store.ts'
import { appendBatch, LOG_ID, prepare } from '../src/audit/log.ts'
import type { NoteVerifier } from '../src/audit/signed-note.ts'
import type { Policy } from '../src/audit/witness/policy.ts'
import type { DataKeys } from '../src/data-keys.ts'
import type { Sql } from '../src/db/connect.ts'

/** What whoever has the database may change: each is kept aside, and put back after each step. */
const TABLES = ['log_entry', 'entry_detail', 'log_head', 'log_tile', 'log_tree', 'log_checkpoint']

/** The hash that belongs to the body, as whoever changes it would put it there. */
export const REHASHED = `leaf_hash = sha256('\\x00'::bytea || convert_to(body, 'UTF8'))`
export const BACK_DATED = `body = replace(body, '"recordedAt":"20', '"recordedAt":"19')`

/** By direct SQL as the owner. `other` is another place than `at`. */
const KINDS: readonly (readonly [string, (at: number, other: number) => string])[] = [
  [
    'body edited',
    (at) => `update log_entry set body = overlay(body placing 'x' from ${30 + (at % 200)}) where leaf_index = ${at}`,
  ],
  [
    'body edited, hash made anew',
    (at) =>
      `update log_entry set body = overlay(body placing 'xx' from ${90 + (at % 100)}) where leaf_index = ${at};
       update log_entry set ${REHASHED} where leaf_index = ${at}`,
  ],
  [
    'body back-dated, hash made anew',
    (at) =>
      `update log_entry set ${BACK_DATED} where leaf_index = ${at}; update log_entry set ${REHASHED} where leaf_index = ${at}`,
  ],
  [
    'entry taken out with its details',
    (at) => `delete from log_entry where leaf_index = ${at}; delete from entry_detail where leaf_index = ${at}`,
  ],
  [
    'entry put in the place of another',
    (at, other) =>
      `update log_entry e set body = o.body, leaf_hash = o.leaf_hash from log_entry o
        where e.leaf_index = ${at} and o.leaf_index = ${other}`,
  ],
  [
    'two entries changed places, with details',
    (at, other) =>
      ['log_entry', 'entry_detail']
        .map(
          (table) => `update ${table} set leaf_index = -1 where leaf_index = ${at};
                      update ${table} set leaf_index = ${at} where leaf_index = ${other};
                      update ${table} set leaf_index = ${other} where leaf_index = -1`,
        )
        .join(';'),
  ],
  [
    'entry inserted, those behind moved on',
    (at) =>
      ['log_entry', 'entry_detail']
        .map(
          (table) => `update ${table} set leaf_index = -leaf_index - 2 where leaf_index >= ${at};
                      update ${table} set leaf_index = -leaf_index - 1 where leaf_index < 0`,
        )
        .join(';')
        .concat(
          `; insert into log_entry select log_id, ${at}, body, leaf_hash from log_entry where leaf_index = 0;
             insert into entry_detail select log_id, ${at}, subject, client, null, salt, sealed from entry_detail where leaf_index = 0;
             update log_head set size = size + 1`,
        ),
  ],
  [
    'log cut off',
    (at) =>
      `delete from log_entry where leaf_index >= ${at}; delete from entry_detail where leaf_index >= ${at};
       update log_head set size = ${at}`,
  ],
  [
    'database put back to an older state, tiles and checkpoint with it',
    (at) =>
      `delete from log_entry where leaf_index >= ${at}; delete from entry_detail where leaf_index >= ${at};
       update log_head set size = ${at}; truncate log_tile; update log_tree set size = 0`,
  ],
  [
    'older backup restored, checkpoint and all: against what a witness shows',
    (at) =>
      `delete from log_entry where leaf_index >= ${at}; delete from entry_detail where leaf_index >= ${at};
       update log_head set size = ${at}; truncate log_tile; update log_tree set size = 0; delete from log_checkpoint`,
  ],
  ['details exchanged', (at) => `update entry_detail set salt = sha256(salt) where leaf_index = ${at}`],
  ['details taken', (at) => `delete from entry_detail where leaf_index = ${at}`],
]

export interface Tampered {
  readonly kind: string
  readonly at: number
  /** Whether it was found, and named by its place. */
  readonly named: boolean
}

/** A log of this many entries, all kept aside. Sealing it is the caller's. */
export async function fillLog(sql: Sql, keys: DataKeys, entries: number): Promise<void> {
  for (let from = 0; from < entries; from += 256) {
    const rows = Array.from({ length: Math.min(256, entries - from) }, (_, i) =>
      prepare(keys, {
        recordedAt: new Date(),
        kind: 'verification',
        facility: '38001',
        outcome: { decision: 'entitled', code: 'valid', cause: null, method: 'chipIdQr', assurance: 'unsigned' },
        details: JSON.stringify({ v: 1, made: from + i, padding: 'x'.repeat(600) }),
        client: 'facility:38001',
        subject: null,
        idempotency: null,
      }),
    )
    await appendBatch(sql, keys, rows)
  }
}

export async function keepAside(sql: Sql): Promise<void> {
  for (const table of TABLES) await sql.unsafe(`create table kept_${table} as table ${table}`)
}

export async function putBack(sql: Sql): Promise<void> {
  for (const table of TABLES) await sql.unsafe(`truncate ${table}; insert into ${table} select * from kept_${table}`)
}

/** Each step changes one thing somewhere below `sealed`, looks, and puts it back. */
export async function tamper(
  sql: Sql,
  keys: DataKeys,
  verifier: NoteVerifier,
  of: { readonly steps: number; readonly sealed: number; readonly random: () => number },
  step: (tampered: Tampered) => void,
): Promise<void> {
  const [published] = await sql<{ note: string }[]>`select note from log_checkpoint where log_id = ${LOG_ID}`
  for (let n = 0; n < of.steps; n++) {
    const at = 1 + Math.floor(of.random() * (of.sealed - 1))
    const other = (at + 1 + Math.floor(of.random() * (of.sealed - 1))) % of.sealed
    const [kind, change] = KINDS[n % KINDS.length] ?? ['nothing', () => '']
    await sql.unsafe(change(at, other))
    const { findings } = await check(sql, keys, verifier, null, published?.note)
    await putBack(sql)
    step({ kind, at, named: findings.some((each) => 'index' in each && each.index === at) })
  }
}

export async function check(
  sql: Sql,
  keys: DataKeys | null,
  verifier: NoteVerifier,
  policy: Policy | null = null,
  /** Of somebody who kept it; where the database has none any more. */
  kept: string | null = null,
): Promise<FsckReport & Pick<FsckReports, 'details'>> {
  const stored = await databaseSource(sql, LOG_ID, keys !== null)
  const source = { ...stored, end: { ...stored.end, checkpoint: stored.end.checkpoint ?? kept } }
  const { logs, details } = await fsck([{ logId: LOG_ID, source, ending: null }], {
    verifiers: [verifier],
    keys,
    policy,
  })
  const [log] = logs
  if (log === undefined) throw new Error('one log was looked at')
  return { ...log.report, details }
}
