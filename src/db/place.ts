import type { Fragment, Sql } from './connect.ts'

/** The log that the migrations make. */
export const FIRST_LOG = 1

/** Of a place, the lower bits are the index: more than a check code has room for (2^35); 2^13 logs of it are the safe integers. */
export const INDEX_BITS = 40

/** Log and index of the entry at a place: `placeOf` and `entryAt` of `audit/log-id.ts`, in SQL. */
export function logAt(sql: Sql, place: Fragment): Fragment {
  return sql`((${place} >> ${INDEX_BITS}::int) + ${FIRST_LOG}::int)::smallint`
}

export function indexAt(sql: Sql, place: Fragment): Fragment {
  return sql`(${place} & ((1::bigint << ${INDEX_BITS}::int) - 1))`
}

export function placeAt(sql: Sql, log: Fragment, index: Fragment): Fragment {
  return sql`(((${log} - ${FIRST_LOG}::int)::bigint << ${INDEX_BITS}::int) + ${index})`
}
