import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DEMO_COPY_HOURS } from '../../src/cli/demo.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import type { LoadWorld } from '../load-world.ts'
import { serveEnvironment } from '../serve-process.ts'
import { type Serving, startLogged } from '../serve-under-load.ts'

/** A control on the province's database, with the environment of `kiemthe serve`. */
export async function startDatabaseControl(
  name: 'obvious' | 'without-log',
  world: LoadWorld,
  databaseUrl: string,
  env: Readonly<Record<string, string>>,
): Promise<Serving> {
  const port = await anyFreePort()
  const more = {
    LOG_LEVEL: 'info',
    COPY_LATE_AFTER_HOURS: DEMO_COPY_HOURS,
    COPY_STALE_AFTER_HOURS: DEMO_COPY_HOURS,
    CATALOGUE_LATE_AFTER_HOURS: DEMO_COPY_HOURS,
    ...env,
  }
  return startLogged(
    [fileURLToPath(new URL(`../controls/${name}.ts`, import.meta.url))],
    serveEnvironment({ databaseUrl, keysFolder: world.folder.path, port, env: more }),
    join(world.folder.path, `loadtest-${name}.log`),
    /^ready (http:\S+)$/m,
  )
}

/** The tables of the obvious design, made anew. */
export async function makeObviousTables({ sql }: LoadWorld): Promise<void> {
  await dropObviousTables({ sql })
  await sql`create schema loadtest_obvious`
  await sql`create table loadtest_obvious.entry (id uuid primary key, at timestamptz not null, client text not null, decision text not null)`
  await sql`create table loadtest_obvious.detail (id uuid primary key, subject uuid not null, purpose text not null, answer text not null)`
}

export async function dropObviousTables({ sql }: Pick<LoadWorld, 'sql'>): Promise<void> {
  await sql`drop schema if exists loadtest_obvious cascade`
}
