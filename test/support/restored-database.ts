import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { asSuperuser, databaseUrl } from './cluster.ts'
import type { World } from './service.ts'

export interface Restored {
  readonly appUrl: string
  readonly ownerUrl: string
  readonly sealerUrl: string
}

/** Databases as they were: each is a backup, and at once restored beside its source. */
export function restoredDatabases() {
  const cluster = inject('cluster')
  const made: string[] = []
  return {
    of: async (world: Pick<World, 'ownerUrl'>): Promise<Restored> => {
      const source = new URL(world.ownerUrl).pathname.slice(1)
      const name = `kiemthe_restored_${randomBytes(4).toString('hex')}`
      const superuser = asSuperuser(cluster)
      await superuser`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${source}`
      await superuser.unsafe(`create database ${name} template ${source} strategy = wal_log`)
      await superuser.end()
      made.push(name)
      return {
        appUrl: databaseUrl(cluster, 'kiemthe_app', cluster.appPassword, name),
        ownerUrl: databaseUrl(cluster, 'postgres', cluster.password, name),
        sealerUrl: databaseUrl(cluster, 'kiemthe_sealer', cluster.sealerPassword, name),
      }
    },
    drop: async () => {
      const superuser = asSuperuser(cluster)
      for (const name of made) await superuser.unsafe(`drop database if exists ${name} with (force)`)
      await superuser.end()
    },
  }
}
