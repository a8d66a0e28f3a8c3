import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeSigningKey } from '../../src/access/token-keys.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { bash, kiemthe } from '../support/kiemthe.ts'

/** What whoever calls a command wrongly is told. Processes, no database. */

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiemthe-usage-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const STACK = /^\s+at /m

describe('a wrong call ends with 2 and says what is wrong, without a stack', () => {
  test.each([
    [[], 'kiemthe COMMAND'],
    [['dance'], 'no command dance'],
    [['demo', '--cardz', '5'], '--cardz'],
    [['demo', '--cards', '0'], '--cards 0'],
    [['demo', '--port', '65536'], '--port 65536'],
    [['serve', '--port', '80'], '--port'],
    [['token', '--facility', '38001'], 'holds no demo'],
    [['facility'], 'facility add | rotate-key | revoke CODE …'],
    [['facility', 'revoke', '3800'], 'facility add | rotate-key | revoke CODE …'],
    [['facility', 'revoke', '38001'], 'holds no demo'],
    [['facility', 'add', '38001', '--province', '38'], 'facility add | rotate-key | revoke CODE …'],
    [['client', 'add', 'facility:38001'], 'client add | rotate-key | revoke feed:NAME'],
    [['client', 'add', 'feed:vss', '--hiv'], '--hiv is for'],
    [['client', 'add', 'feed:vss'], 'holds no demo'],
    [['dossier', '--facility', '99999'], 'none of the demo province'],
    [['sample', '--count', '0'], '--count 0'],
    [['sample', '--code', 'happy'], '--code happy'],
    [['migrate'], 'DATABASE_URL'],
  ])('%j', async (args, said) => {
    const needsData = ['demo', 'token', 'facility', 'client', 'sample', 'migrate'].includes(args[0] ?? '')
    const { code, stdout, stderr } = await kiemthe(needsData ? [...args, '--data', join(folder, 'none')] : args)
    expect(stderr).toContain(said)
    expect(stderr).not.toMatch(STACK)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })
})

test('whoever asks what a command is for would be told that they called it wrongly', async () => {
  expect(await kiemthe(['dossier', '--help'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^dossier .*--visit/),
  })
  expect(await kiemthe(['--help'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^kiemthe COMMAND/) })
})

describe('serve', () => {
  test('names all that is missing at once', async () => {
    const { code, stderr } = await kiemthe(['serve'])
    expect(code).toBe(2)
    for (const name of ['PUBLIC_URL', 'DATABASE_URL', 'DATA_KEYS_FILE', 'TOKEN_KEYS_FILE']) {
      expect(stderr).toContain(`${name}: is not set`)
    }
    expect(stderr).not.toMatch(STACK)
  })

  test('names all that is wrong at once, and repeats no value: it may be a secret', async () => {
    const { code, stderr, stdout } = await kiemthe(['serve'], {
      PUBLIC_URL: 'geheim-1',
      DATABASE_URL: 'mysql://kiemthe:geheim-2@127.0.0.1/kiemthe',
      DATA_KEYS_FILE: '',
      TOKEN_KEYS_FILE: '',
      PORT: 'geheim-3',
      DB_STATEMENT_TIMEOUT_MS: '-1',
      LOG_LEVEL: 'geheim-4',
    })
    expect(code).toBe(2)
    for (const name of ['PUBLIC_URL', 'DATABASE_URL', 'DATA_KEYS_FILE', 'TOKEN_KEYS_FILE', 'PORT', 'LOG_LEVEL']) {
      expect(stderr).toContain(name)
    }
    expect(stderr).toContain('DB_STATEMENT_TIMEOUT_MS')
    expect(stdout + stderr).not.toContain('geheim')
  })

  test('names both key files when both are broken, and shows nothing of them', async () => {
    const dataKeys = join(folder, 'data-keys.json')
    const tokenKeys = join(folder, 'token-keys.json')
    await writeFile(dataKeys, JSON.stringify({ lookup: 'geheim', log: 'geheim', more: 'geheim' }))
    await writeFile(tokenKeys, '{"keys": [{"d": "geheim"')
    const { code, stdout, stderr } = await kiemthe(['serve'], {
      PUBLIC_URL: 'http://127.0.0.1:1',
      DATABASE_URL: 'postgres://kiemthe:geheim@127.0.0.1:1/kiemthe',
      DATA_KEYS_FILE: dataKeys,
      TOKEN_KEYS_FILE: tokenKeys,
    })
    expect(code).toBe(2)
    expect(stderr).toContain(`DATA_KEYS_FILE: ${dataKeys}`)
    expect(stderr).toContain(`TOKEN_KEYS_FILE: ${tokenKeys}`)
    expect(stdout + stderr).not.toContain('geheim')
    expect(stderr).not.toMatch(STACK)
  })

  test.each(['serve', 'demo', 'migrate'])(
    '(%s) says that the database cannot be reached, without a stack or its password',
    async (command) => {
      const dataKeys = join(folder, 'good-data-keys.json')
      const tokenKeys = join(folder, 'good-token-keys.json')
      const secret = Buffer.alloc(32, 7).toString('base64')
      await writeFile(
        dataKeys,
        JSON.stringify({ lookup: secret, log: secret, seal: { current: 1, generations: { 1: secret } } }),
      )
      await writeFile(tokenKeys, JSON.stringify({ keys: [await makeSigningKey('token-1')] }))
      const port = await anyFreePort()
      const args = command === 'serve' ? [command] : [command, '--data', join(folder, command)]
      const { code, stderr, stdout } = await kiemthe(args, {
        PUBLIC_URL: 'http://127.0.0.1:1',
        PORT: '0',
        DATABASE_URL: `postgres://kiemthe:geheim@127.0.0.1:${port}/kiemthe`,
        DATA_KEYS_FILE: dataKeys,
        TOKEN_KEYS_FILE: tokenKeys,
      })
      expect(code).toBe(1)
      expect(stderr).toContain(`127.0.0.1:${port}`)
      expect(stderr).not.toMatch(STACK)
      expect(stdout + stderr).not.toContain('geheim')
    },
  )
})

describe('sample', () => {
  test('may be cut off by head without a complaint', async () => {
    const cut = 'set -o pipefail; node src/cli.ts sample --count 50000 --data /nowhere | head -1'
    const { code, stdout, stderr } = await bash(cut)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout.trim().split('\n')).toHaveLength(1)
    expect(JSON.parse(stdout)).toHaveProperty('citizenId')
  })
})

describe('codes', () => {
  test('prints its tables', async () => {
    const { code, stdout } = await kiemthe(['codes'])
    expect(code).toBe(0)
    expect(stdout).toContain('log_unavailable')
  })
})

test('the folder of a command that was refused holds nothing it made', async () => {
  await expect(readFile(join(folder, 'none', 'clients.json'))).rejects.toMatchObject({ code: 'ENOENT' })
})
