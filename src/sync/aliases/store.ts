import type { Fragment, Sql } from '../../db/connect.ts'

/**
 * Common table expressions of a statement that changes the copy: leads aliases as its `alias_diff(alias, former, wanted)`
 * says, where its `moved` moved the watermark. Each tells its rows, for `allWritten`. `noted`: what they led to is kept, so that a rollback can lead them back.
 */
export function leadAliases(sql: Sql, noted: boolean): Fragment {
  return sql`
    alias_noted as (
      insert into alias_change (alias, changed_at, former)
      select alias, m.loaded_at, former from alias_diff, moved m where ${noted}::boolean
      returning 1
    ), alias_gone as (
      delete from alias a using alias_diff d, moved where a.alias = d.alias and d.wanted is null
      returning 1
    ), alias_led as (
      insert into alias (alias, subject) select alias, wanted from alias_diff, moved where wanted is not null order by alias
      on conflict (alias) do update set subject = excluded.subject
      returning 1
    )`
}

/**
 * True once the `closed`, `opened` and alias rows of such a statement are written. Its `act` asks so that `appendWithAct`
 * takes the log's head after them: PostgreSQL writes what nobody asks for at the end, the last expression first, and
 * every desk would wait at the head for millions of rows (`test/sync/beside-desks.db.test.ts`).
 */
export function allWritten(sql: Sql): Fragment {
  return sql`
    (select count(*) from closed) + (select count(*) from opened) + (select count(*) from alias_noted)
      + (select count(*) from alias_gone) + (select count(*) from alias_led) >= 0`
}
