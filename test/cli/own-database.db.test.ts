import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { person } from '../../mocks/province/person.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { isAlive } from '../../src/cli/embedded/processes.ts'
import { type EmbeddedPostgres, startEmbedded } from '../../src/cli/embedded/start.ts'
import { databaseUrl } from '../support/cluster.ts'
import { type Command, kiemthe, newDataFolder, removeDataFolder, startKiemthe } from '../support/kiemthe.ts'
import { post } from '../support/service.ts'
import { removeThrowaway, throwawayFolder } from '../support/throwaway-folder.ts'

/**
 * A database of one's own: its owner is no superuser, as at any hoster. A server of its own too, since roles belong to
 * the server and the suites' shared one has ours already.
 */

const today = todayInVietnam(new Date())

let data: string
let serverFolder: string
let server: EmbeddedPostgres
let superuser: Sql
let port: number
let demo: Command | undefined

beforeAll(async () => {
  data = await newDataFolder()
  serverFolder = await throwawayFolder()
  server = await startEmbedded({ folder: serverFolder })
  superuser = postgres(databaseUrl(server, 'postgres', server.password, 'postgres'), { max: 1, onnotice: () => {} })
  await superuser.unsafe("create role clinic login createrole password 'geheim'")
  await superuser.unsafe('create database clinic owner clinic')
  port = await anyFreePort()
})

afterAll(async () => {
  await demo?.end('SIGKILL')
  await superuser?.end()
  if (serverFolder !== undefined) await removeThrowaway(serverFolder)
  await removeDataFolder(data)
})

function ownerUrl(role = 'clinic', database = 'clinic'): string {
  return databaseUrl(server, role, 'geheim', database)
}

function startDemo(url = ownerUrl(), ...more: string[]): Command {
  const args = ['demo', '--data', data, '--cards', '300', '--port', String(port), ...more]
  demo = startKiemthe(args, { DATABASE_URL: url, PROCESSES: '1' })
  return demo
}

async function verifies(): Promise<void> {
  const { stdout } = await kiemthe(['token', '--facility', '38001', '--data', data])
  const someone = person({ seed: 'thanh-hoa', baseDate: today }, 3)
  const evidence = { kind: 'chipIdQr', text: chipIdQrText(someone) }
  const request = { evidence, serviceDate: today, purpose: 'arrival' }
  expect((await post(`http://127.0.0.1:${port}`, stdout.trim(), request)).body).toMatchObject(someone.expected)
}

describe('what it lacks is said at once', () => {
  test.each(['demo', 'migrate'])('by %s, with nothing made', async (command) => {
    await superuser.unsafe("create role poor login password 'geheim'")
    try {
      const { code, stderr } = await kiemthe(
        [command, '--data', data, ...(command === 'demo' ? ['--cards', '300'] : [])],
        {
          DATABASE_URL: ownerUrl('poor'),
        },
      )
      expect(code).toBe(2)
      expect(stderr).toContain('the right CREATE on the database')
      expect(stderr).toContain(
        'the right CREATEROLE, or the roles kiemthe_app, kiemthe_sealer, kiemthe_sync, kiemthe_sender, kiemthe_projector made beforehand',
      )
      expect(stderr).not.toContain('geheim')
      const roles = await superuser`select from pg_roles where rolname like 'kiemthe%'`
      expect(roles.count).toBe(0)
    } finally {
      await superuser.unsafe('drop role poor')
    }
  })

  test('when the password is wrong, without a stack', async () => {
    const url = new URL(ownerUrl())
    url.password = 'falsch'
    const { code, stderr } = await startDemo(url.href).ended
    expect(code).toBe(1)
    expect(stderr).toContain('password authentication failed')
    expect(stderr).not.toMatch(/^\s+at |falsch/m)
  })
})

describe('demo on it', () => {
  test('serves, and again after it was stopped; the server is not ours to stop', async () => {
    await startDemo().until(/^ready http/m)
    await verifies()
    expect((await demo?.end('SIGTERM'))?.code).toBe(0)
    expect(isAlive(server.pid)).toBe(true)

    await startDemo(ownerUrl(), '--still').until(/^ready http/m)
    await verifies()
    expect((await demo?.end('SIGTERM'))?.code).toBe(0)
  })

  test('refuses a database that holds another province', async () => {
    const other = join(dirname(data), 'other')
    const { code, stderr } = await kiemthe(['demo', '--data', other, '--cards', '200', '--port', String(port)], {
      DATABASE_URL: ownerUrl(),
    })
    expect(stderr).toContain('holds another province')
    expect(code).toBe(2)
    // its roles have new passwords now; the first demo sets its own again
    await startDemo(ownerUrl(), '--still').until(/^ready http/m)
    await verifies()
    await demo?.end('SIGTERM')
  })
})

describe('migrate and serve', () => {
  test('make a database ready, again and again, and serve from it as the request role only', async () => {
    await superuser.unsafe('create database second owner clinic')
    const keys = join(dirname(data), 'keys')
    for (let time = 0; time < 2; time++) {
      const { code, stderr } = await kiemthe(['migrate', '--data', keys], {
        DATABASE_URL: ownerUrl('clinic', 'second'),
      })
      expect([code, stderr]).toEqual([0, expect.stringContaining('schema and roles are ready')])
    }
    const passwords = JSON.parse(await readFile(join(keys, 'roles.json'), 'utf8')) as { app: string; sealer: string }
    const env = {
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      PORT: String(port),
      DATA_KEYS_FILE: join(keys, 'data-keys.json'),
      TOKEN_KEYS_FILE: join(keys, 'token-keys.json'),
    }
    for (const url of [ownerUrl('clinic', 'second'), databaseUrl(server, 'postgres', server.password, 'second')]) {
      const { code, stderr } = await kiemthe(['serve'], { ...env, DATABASE_URL: url })
      expect(stderr).toContain('could change the log')
      expect(stderr).not.toContain('geheim')
      expect(code).toBe(1)
    }
    const appUrl = databaseUrl(server, 'kiemthe_app', passwords.app, 'second')
    const serving = startKiemthe(['serve'], { ...env, DATABASE_URL: appUrl })
    await serving.until(/^ready http/m)
    const ready = await fetch(`http://127.0.0.1:${port}/health/ready`)
    expect(await ready.json()).toEqual({ status: 'degraded', reasons: ['copyMissing', 'catalogueMissing'] })
    expect((await serving.end('SIGTERM')).code).toBe(0)
  })

  test('roles that somebody else made keep their passwords', async () => {
    await superuser.unsafe("create role stranger login createrole password 'geheim'")
    await superuser.unsafe('create database third owner stranger')
    const keys = join(dirname(data), 'third')
    const { code, stderr } = await kiemthe(['migrate', '--data', keys], { DATABASE_URL: ownerUrl('stranger', 'third') })
    expect(stderr).toContain('kiemthe_app')
    expect([code, /^\s+at /m.test(stderr)]).toEqual([0, false])
    // whose password it is not, `roles.json` must not say that it is
    const passwords = await readFile(join(keys, 'roles.json'), 'utf8').catch(() => null)
    if (passwords !== null) {
      const sql = postgres(databaseUrl(server, 'kiemthe_app', JSON.parse(passwords).app, 'third'), { max: 1 })
      await expect(sql`select 1`).rejects.toMatchObject({ code: '28P01' })
      await sql.end()
    }
    expect(stderr).toMatch(/keep|their own|made beforehand/)
  })
})
