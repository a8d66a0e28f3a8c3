import type { Fragment } from '../../audit/store.ts'
import type { Sql } from '../../db/connect.ts'

/**
 * Common table expressions of a statement that changes the copy: leads aliases as its `alias_diff(alias, former, wanted)`
 * says, where its `moved` moved the watermark. `noted`: what they led to is kept, so that a rollback can lead them back.
 */
export function leadAliases(sql: Sql, noted: boolean): Fragment {
  return sql`
    alias_noted as (
      insert into alias_change (alias, changed_at, former)
      select alias, m.loaded_at, former from alias_diff, moved m where ${noted}::boolean
    ), alias_gone as (
      delete from alias a using alias_diff d, moved where a.alias = d.alias and d.wanted is null
    ), alias_led as (
      insert into alias (alias, subject) select alias, wanted from alias_diff, moved where wanted is not null order by alias
      on conflict (alias) do update set subject = excluded.subject
    )`
}
