import { connect } from '../../src/db/connect.ts'

/**
 * Another database of the province's cluster with `copies` rows for each of its rows: the real one and strangers whose lookup
 * keys are made from it, one behind the other, so that real people lie as far apart as in a copy of that size. Nobody asks for
 * the strangers; they take their places in tables and indexes. Not logged: it is made anew rather than recovered.
 */
export async function makeLargeCopy(
  ownerUrl: string,
  name: string,
  copies: number,
  say: (line: string) => void,
): Promise<string> {
  const url = new URL(ownerUrl)
  const [source, largeUrl] = [url.pathname.slice(1), new URL(ownerUrl)]
  largeUrl.pathname = `/${name}`
  const admin = new URL(ownerUrl)
  admin.pathname = '/postgres'
  const settings = { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'loadtest' }
  const server = connect(admin.href, settings)
  try {
    const [there] =
      await server`select 1 from pg_database where datname = ${name} and shobj_description(oid, 'pg_database') = 'whole'`
    if (there !== undefined && (await holdsRows(largeUrl.href))) return largeUrl.href
    say(`making ${name}, ${copies} times the province …`)
    await server.unsafe(`drop database if exists ${name}`)
    await server.unsafe(`create database ${name} template ${source} strategy file_copy`)
    const sql = connect(largeUrl.href, settings)
    try {
      await sql`set maintenance_work_mem = '1GB'`
      await sql`set synchronous_commit = off`
      for (const table of ['coverage', 'alias'] as const) {
        const key = table === 'coverage' ? '(subject, coverage_no, known_from)' : '(alias)'
        const columns = (
          await sql<{ name: string }[]>`
            select quote_ident(column_name) as name from information_schema.columns
             where table_schema = 'public' and table_name = ${table} order by ordinal_position`
        ).map((each) => each.name)
        const renamed = columns.map((column) =>
          column === 'subject' || column === 'alias'
            ? `case copy when 0 then ${column} else md5(${column}::text || copy)::uuid end`
            : column,
        )
        await sql.unsafe(`create unlogged table large as table ${table}`)
        await sql.unsafe(`truncate ${table}`)
        await sql.unsafe(`alter table ${table} drop constraint ${table}_pkey`)
        await sql.unsafe(`alter table ${table} set unlogged`)
        await sql.unsafe(
          `insert into ${table} (${columns.join(', ')}) select ${renamed.join(', ')} from (select *, generate_series(0, ${copies - 1}) as copy from large) as many`,
        )
        await sql.unsafe('drop table large')
        await sql.unsafe(`alter table ${table} add constraint ${table}_pkey primary key ${key}`)
        await sql.unsafe(`vacuum (analyze) ${table}`)
        say(`  ${table} is there`)
      }
    } finally {
      await sql.end({ timeout: 5 })
    }
    await server.unsafe(`comment on database ${name} is 'whole'`)
    return largeUrl.href
  } finally {
    await server.end({ timeout: 5 })
  }
}

/** Not after a crash of PostgreSQL: it empties what is not logged. */
async function holdsRows(url: string): Promise<boolean> {
  const sql = connect(url, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'loadtest' })
  try {
    const [row] = await sql<{ some: boolean }[]>`
      select exists(select from coverage) and exists(select from alias) as some`
    return row?.some === true
  } finally {
    await sql.end({ timeout: 5 })
  }
}
