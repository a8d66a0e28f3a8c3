import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { decodeJwt, importJWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { person } from '../../mocks/province/person.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { issueAccessToken, TOKEN_LIFE_SECONDS } from '../../src/access/access-token.ts'
import { ROLE_SCOPES, readClientId } from '../../src/access/principal.ts'
import { importTokenKeys } from '../../src/access/token-keys.ts'
import { type IsoDate, isoDate, todayInVietnam } from '../../src/calendar.ts'
import { dataFolder, tokenKeysOf } from '../../src/cli/data-folder.ts'
import { readDemoClients } from '../../src/cli/demo-clients.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { isAlive } from '../../src/cli/embedded/processes.ts'
import { ownerUrlOf } from '../../src/cli/owner-url.ts'
import { configSchema } from '../../src/config.ts'
import { connect } from '../../src/db/connect.ts'
import { bash, type Command, kiemthe, newDataFolder, removeDataFolder, startKiemthe } from '../support/kiemthe.ts'
import { checkProof, checkpointOf } from '../support/outsider.ts'
import { post } from '../support/service.ts'

/**
 * One demo, as a user has it: started, used, killed, started again, ended. Each test leaves it serving. It stands still but
 * where the insurer beside it is what is looked at.
 */

const CARDS = 2_000

let data: string
let port: number
let demo: Command
let baseDate: IsoDate

function start(...more: string[]): Command {
  return startKiemthe(['demo', '--data', data, '--port', String(port), '--still', ...more])
}

/** One server is enough for what comes after the first start and the kill, which have one a core. */
const ONE = { PROCESSES: '1' }

async function restart(): Promise<void> {
  demo = startKiemthe(['demo', '--data', data, '--port', String(port), '--still'], ONE)
  await demo.until(/^ready http/m)
}

const url = () => `http://127.0.0.1:${port}`

/** What `kiemthe token` prints, which is shown below by the command itself. */
async function tokenOf(clientId: string): Promise<string> {
  const client = readClientId(clientId)
  const keyId = (await readDemoClients(dataFolder(data)))?.[clientId]?.kid
  if (client === null || keyId === undefined) throw new TypeError(`no client ${clientId}`)
  const keys = await importTokenKeys(await tokenKeysOf(dataFolder(data)))
  const of = { clientId, keyId, scopes: ROLE_SCOPES[client.role], lifeSeconds: TOKEN_LIFE_SECONDS }
  return issueAccessToken(keys, configSchema.shape.SERVICE_ID.parse(undefined), new Date(), of)
}

async function printedToken(...options: string[]): Promise<string> {
  const { code, stdout, stderr } = await kiemthe(['token', '--data', data, ...options])
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return stdout.trim()
}

function scanOf(index: number) {
  const someone = person({ seed: 'thanh-hoa', baseDate }, index)
  const evidence = { kind: 'chipIdQr', text: chipIdQrText(someone) }
  return { someone, request: { evidence, serviceDate: baseDate, purpose: 'arrival' } }
}

async function asOwner<T>(ask: (sql: ReturnType<typeof connect>) => Promise<T>): Promise<T> {
  const ownerUrl = await ownerUrlOf(dataFolder(data))
  const sql = connect(ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'test' })
  try {
    return await ask(sql)
  } finally {
    await sql.end()
  }
}

async function postgresPid(): Promise<number> {
  return Number.parseInt(await readFile(join(data, 'postgres', 'data', 'postmaster.pid'), 'utf8'), 10)
}

beforeAll(async () => {
  data = await newDataFolder()
  port = await anyFreePort()
  demo = start('--cards', String(CARDS))
  await demo.until(/^ready http/m)
  baseDate = isoDate(JSON.parse(await readFile(join(data, 'demo.json'), 'utf8')).baseDate)
})

afterAll(async () => {
  await demo?.end('SIGKILL')
  if (data !== undefined) await removeDataFolder(data)
})

describe('a first start', () => {
  test('ends its output with the line that says where it serves', () => {
    expect(demo.stdout().trimEnd().split('\n').at(-1)).toBe(`ready ${url()}`)
    expect(demo.stderr()).not.toMatch(/^ready /m) // of those beside it: in a terminal it would stand last
  })

  test('prints a command that works as it stands', async () => {
    const command = /^curl [\s\S]*? -d '[^\n]*'$/m.exec(demo.stdout())?.[0]
    expect(command).toBeDefined()
    const { code, stdout, stderr } = await bash(command ?? '')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ ...scanOf(0).someone.expected, serviceDate: todayInVietnam(new Date()) })
  })

  test('has all the records, and answers from the last as from the first', async () => {
    const [counts] = await asOwner(
      (sql) => sql<{ records: number; quarantined: number }[]>`
        select (select count(*) from coverage) as records, (select count(*) from quarantine) as quarantined`,
    )
    expect(counts).toEqual({ records: CARDS, quarantined: 0 })
    const token = await tokenOf('facility:38001')
    for (const index of [0, 1, 98, 99, 1_000, 1_979]) {
      const { someone, request } = scanOf(index)
      expect((await post(url(), token, request)).body).toMatchObject(someone.expected)
    }
  })

  test('looks unverified visits up again beside its server', async () => {
    await expect
      .poll(() => asOwner((sql) => sql`select from log_cursor where reader = 'recheck' and next_index > 0`), {
        timeout: 20_000,
      })
      .toHaveLength(1)
  })

  test('keeps every secret from other users of the machine', async () => {
    const names = await readdir(data)
    expect(names).toEqual(expect.arrayContaining(['data-keys.json', 'token-keys.json', 'clients.json', 'roles.json']))
    for (const name of names.filter((each) => each.endsWith('.json'))) {
      expect([name, ((await stat(join(data, name))).mode & 0o777).toString(8)]).toEqual([name, '600'])
    }
    expect(((await stat(join(data, 'postgres', 'password'))).mode & 0o777).toString(8)).toBe('600')
    const said = demo.stdout() + demo.stderr()
    for (const secret of (await readFile(join(data, 'data-keys.json'), 'utf8')).match(/"[\w+/]{43}="/g) ?? []) {
      expect(said).not.toContain(secret.slice(1, -1))
    }
    expect(said).not.toContain(await readFile(join(data, 'postgres', 'password'), 'utf8'))
  })

  test('has a witness beside it, and a proof is verified offline with the keys of both', async () => {
    const { body } = await post(url(), await tokenOf('facility:38001'), scanOf(4).request)
    const [answer, proof, entry, growth, keys] = ['answer', 'proof', 'entry', 'growth', 'witness-policy.txt'].map(
      (name) => join(data, name),
    ) as [string, string, string, string, string]
    const index = body.receipt?.index ?? 0
    const seen = body.receipt?.checkpoint ?? null
    expect(seen?.size).toBeLessThanOrEqual(index)
    const fetched = async (path: string) => (await fetch(`${url()}/v1/log/1/${path}`)).text()
    await expect
      .poll(() => fetched(`proof/${index}`), { timeout: 10_000, interval: 100 })
      .toMatch(/— witness\.kiemthe\.example\/demo \S+\n$/)
    const proofText = await fetched(`proof/${index}`)
    const size = proofText.split('\n\n')[1]?.split('\n')[1]
    await writeFile(answer, JSON.stringify(body))
    await writeFile(proof, proofText)
    await writeFile(growth, await fetched(`consistency?from=${seen?.size}&to=${size}`))
    const held = await kiemthe(['verify-proof', proof, '--keys', keys, '--answer', answer, '--growth', growth])
    expect(held).toMatchObject({ code: 0, stderr: '' })
    expect(held.stdout).toContain(`Đã chứng minh: bản ghi số ${index} nằm trong nhật ký`)
    expect(held.stdout).toContain('Cosigned by: demo (')
    expect(held.stdout).toContain(`The log that the answer saw (${seen?.size} entries) is how this one begins.`)
    const [row] = await asOwner(
      (sql) => sql<{ body: string }[]>`select body from log_entry where leaf_index = ${index}`,
    )
    await writeFile(entry, row?.body ?? '')
    expect(await kiemthe(['verify-proof', proof, '--keys', keys, '--entry', entry])).toMatchObject({ code: 0 })
    await writeFile(entry, `${row?.body} `)
    const changed = await kiemthe(['verify-proof', proof, '--keys', keys, '--entry', entry])
    expect(changed).toMatchObject({ code: 1, stdout: expect.stringContaining('NOT proven (notInTree)') })
  })

  test('publishes what it recorded: an outsider proves a receipt with public bytes alone', async () => {
    const { body } = await post(url(), await tokenOf('facility:38001'), scanOf(3).request)
    const leafHash = Buffer.from(body.receipt?.leafHash ?? '', 'base64')
    const proof = () => fetch(`${url()}/v1/log/${body.receipt?.log}/proof/${body.receipt?.index}`)
    // contract: 10 s
    await expect.poll(async () => (await proof()).status, { timeout: 10_000, interval: 100 }).toBe(200)
    const text = await (await proof()).text()
    const keys = (await (await fetch(`${url()}/v1/log/keys`)).json()) as { logs: { keys: { key: string }[] }[] }
    const key = keys.logs[0]?.keys.at(-1)?.key ?? ''
    expect(checkProof(text, key, leafHash).index).toBe(body.receipt?.index)
    expect(() => checkProof(text, key, leafHash.reverse())).toThrow()
    const checkpoint = checkpointOf(await (await fetch(`${url()}/v1/log/1/checkpoint`)).text(), key)
    expect(checkpoint.size).toBeGreaterThan(body.receipt?.index ?? 0)
    expect(body.receipt).toHaveProperty('checkpoint')
    // the private half is in no process that answers: it stands in one file of its own
    const { privateKey } = JSON.parse(await readFile(join(data, 'seal-key.json'), 'utf8')) as { privateKey: string }
    for (const name of ['data-keys.json', 'token-keys.json', 'roles.json'])
      expect(await readFile(join(data, name), 'utf8')).not.toContain(privateKey)
  })

  test('refuses a second demo in its folder, and is not disturbed by it', async () => {
    const { code, stderr } = await start().ended
    expect(code).toBe(2)
    expect(stderr).toContain(`a demo already runs in ${data}`)
    expect((await fetch(`${url()}/health/ready`)).status).toBe(200)
  })
})

describe('tokens', () => {
  test('are printed for all 669 facilities, and each works for its own', async () => {
    const tokens = (await printedToken('--facility', 'all')).split('\n')
    expect(tokens).toHaveLength(669)
    expect(new Set(tokens).size).toBe(669)
    const first = await asOwner((sql) => sql<{ size: number }[]>`select size from log_head`)
    const { request } = scanOf(5)
    for (let at = 0; at < tokens.length; at += 50) {
      const replies = await Promise.all(tokens.slice(at, at + 50).map((token) => post(url(), token, request)))
      expect(replies.map((each) => each.status)).toEqual(replies.map(() => 200))
    }
    const [recorded] = await asOwner(
      (sql) => sql<{ facilities: number }[]>`
        select count(distinct body::json ->> 'facility') as facilities from log_entry
         where leaf_index >= ${first[0]?.size ?? 0}`,
    )
    expect(recorded?.facilities).toBe(669)
  })

  test('of an auditor do not verify', async () => {
    expect((await post(url(), await printedToken('--auditor'), scanOf(5).request)).status).toBe(403)
  })

  test('are refused for two clients at once, and for one that is not there', async () => {
    for (const options of [
      ['--facility', '38001', '--auditor'],
      ['--facility', '99999'],
    ]) {
      const { code, stdout } = await kiemthe(['token', '--data', data, ...options])
      expect([code, stdout]).toEqual([2, ''])
    }
  })
})

describe('facility', () => {
  /** Contract: 5 s, everywhere. */
  const REVOKED_WITHIN_MS = 5_000

  async function msUntilRefused(token: string): Promise<number> {
    const since = performance.now()
    await expect
      .poll(async () => (await post(url(), token, scanOf(5).request)).body.code, {
        timeout: REVOKED_WITHIN_MS + 1_000,
        interval: 50,
      })
      .toBe('token_revoked')
    return performance.now() - since
  }

  test('a code of `add` lets `enrol` register a key that gets tokens, and is shown once only', async () => {
    const opened = await kiemthe(['facility', 'add', '38008', '--data', data])
    expect(opened.code).toBe(0)
    const [code, secret = ''] = opened.stdout.trim().split('\t')
    expect([code, secret]).toEqual(['38008', expect.stringMatching(/^([0-9A-Z]{4}-){3}[0-9A-Z]{4}$/)])
    const out = join(data, '38008.jwk.json')
    const args = ['enrol', '--url', url(), '--client', 'facility:38008', '--code', secret, '--out']
    const enrolled = await kiemthe([...args, out])
    expect([enrolled.code, enrolled.stderr]).toEqual([0, expect.stringContaining('is registered')])
    expect((await stat(out)).mode & 0o777).toBe(0o600)
    expect(await obtainToken('facility:38008', JSON.parse(await readFile(out, 'utf8')))).toBeTruthy()
    const again = await kiemthe([...args, `${out}.second`])
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('enrolment_refused')])
  })

  test('revoke ends the tokens of the facility within 5 s, and nobody else’s', async () => {
    const [revoked, other] = [await tokenOf('facility:38005'), await tokenOf('facility:38004')]
    expect((await post(url(), revoked, scanOf(5).request)).status).toBe(200)
    const { code, stderr } = await kiemthe(['facility', 'revoke', '38005', '--data', data])
    expect(stderr).toContain('all its keys are revoked')
    expect(code).toBe(0)
    expect(await msUntilRefused(revoked)).toBeLessThan(REVOKED_WITHIN_MS)
    expect((await post(url(), other, scanOf(5).request)).status).toBe(200)
  })

  test('rotate-key makes a key that obtains tokens; the former one works until it is revoked', async () => {
    const out = join(dirname(data), '38006.jwk.json')
    const { code, stderr } = await kiemthe(['facility', 'rotate-key', '38006', '--data', data, '--out', out])
    expect(code).toBe(0)
    expect(((await stat(out)).mode & 0o777).toString(8)).toBe('600')
    const jwk = JSON.parse(await readFile(out, 'utf8')) as { kid: string; d: string }
    expect(stderr).toContain(jwk.kid)
    expect(stderr).not.toContain(jwk.d)

    const former = await tokenOf('facility:38006')
    const fresh = await obtainToken('facility:38006', jwk)
    for (const token of [former, fresh]) expect((await post(url(), token, scanOf(5).request)).status).toBe(200)
    await kiemthe(['facility', 'revoke', '38006', '--key', 'demo-1', '--data', data])
    expect(await msUntilRefused(former)).toBeLessThan(REVOKED_WITHIN_MS)
    expect((await post(url(), fresh, scanOf(5).request)).status).toBe(200)
  })

  test('never writes over a key that is there', async () => {
    const out = join(data, 'data-keys.json')
    const before = await readFile(out, 'utf8')
    const { code } = await kiemthe(['facility', 'rotate-key', '38007', '--data', data, '--out', out])
    expect(code).toBe(2)
    expect(await readFile(out, 'utf8')).toBe(before)
  })

  test('add refuses a code that the catalogue does not know', async () => {
    const { code, stderr } = await kiemthe(['facility', 'add', '99999', '--data', data, '--out', join(data, 'x')])
    expect(code).toBe(2)
    expect(stderr).toContain('99999')
  })

  test('an auditor could not be let in, would see HIV data unasked, or would keep a code after being shut out', async () => {
    const client = (verb: string, ...more: string[]) =>
      kiemthe(['client', verb, 'auditor:lan', '--data', data, ...more])
    const codeOf = ({ stdout }: { stdout: string }) => stdout.trim().split('\t')[1] ?? ''
    const enrol = (code: string, out: string) =>
      kiemthe(['enrol', '--url', url(), '--client', 'auditor:lan', '--code', code, '--out', join(data, out)])
    const scopeOf = async (jwk: string) => {
      const token = await obtainToken('auditor:lan', JSON.parse(await readFile(join(data, jwk), 'utf8')))
      return decodeJwt(token)['scope']
    }
    expect((await client('rotate-key')).stderr).toContain('there is no client auditor:lan')
    expect((await enrol(codeOf(await client('add')), 'lan-1.json')).code).toBe(0)
    expect(await scopeOf('lan-1.json')).toBe('audit')
    expect((await client('add', '--hiv', '--out', join(data, 'lan-2.json'))).code).toBe(0)
    expect(await scopeOf('lan-2.json')).toBe('audit audit:hiv')
    // another key, the same rights; and nobody comes in by its code once all is revoked
    const waiting = codeOf(await client('rotate-key'))
    expect(await scopeOf('lan-1.json')).toBe('audit audit:hiv')
    expect((await client('revoke')).stderr).toContain('all its keys are revoked')
    expect((await enrol(waiting, 'lan-3.json')).stderr).toContain('enrolment_refused')
    const [granted] = await asOwner(
      (sql) => sql<{ body: string }[]>`
      select body from log_entry where body like '%"clientKeyEnrolled"%auditor:lan%audit:hiv%'`,
    )
    expect(JSON.parse(granted?.body ?? '{}').outcome).toMatchObject({ by: 'operator', scopes: 'audit audit:hiv' })
  })

  async function obtainToken(clientId: string, jwk: { kid: string; d: string }): Promise<string> {
    const assertion = await new SignJWT()
      .setProtectedHeader({ alg: 'EdDSA', kid: jwk.kid })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(`${url()}/oauth/token`)
      .setJti(crypto.randomUUID())
      .setIssuedAt()
      .setExpirationTime('1 minute')
      .sign(await importJWK(jwk, 'EdDSA'))
    const response = await fetch(`${url()}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      }),
    })
    const text = await response.text()
    expect([response.status, text]).toEqual([200, text])
    return JSON.parse(text).access_token
  }
})

describe('after kill -9 while it served', () => {
  test('the next start finds PostgreSQL running, and every entry', async () => {
    const token = await tokenOf('facility:38001')
    const { body } = await post(url(), token, scanOf(7).request)
    const pid = await postgresPid()
    const sealers = () => asOwner((sql) => sql`select from pg_stat_activity where application_name = 'kiemthe seal'`)
    expect(await sealers()).toHaveLength(1)
    await demo.end('SIGKILL')
    expect(isAlive(pid)).toBe(true)
    await expect.poll(sealers, { timeout: 10_000 }).toHaveLength(0) // it does not outlive its demo

    await restart()
    expect(demo.stderr()).toContain('already runs')
    expect(await postgresPid()).toBe(pid)
    const response = await fetch(`${url()}/v1/verifications/${body.id}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    // the checkpoint of a receipt is the newest one each time
    const receipt = { ...body.receipt, checkpoint: expect.anything() }
    expect(await response.json()).toEqual({ ...body, receipt })
  })
})

describe('the insurer beside it', () => {
  const moving = async () => {
    demo = startKiemthe(['demo', '--data', data, '--port', String(port), '--delta-every', '1'], ONE)
    await demo.until(/^ready http/m)
    const insurer = /^insurer \(mock\) (http:\S+):/m.exec(demo.stdout())?.[1]
    expect(insurer).toBeDefined()
    return insurer ?? ''
  }
  const sequence = async () => {
    const reply = await post(url(), await tokenOf('facility:38001'), scanOf(5).request)
    expect(reply.body).toMatchObject(scanOf(5).someone.expected)
    return reply.body.data?.feedSequence ?? 0
  }

  const catalogue = () =>
    asOwner(async (sql) => {
      const [row] = await sql`select sequence, rows from feed_watermark where feed = 'vss-facilities'`
      return row
    })

  test('makes the copy move; the people of `sample` keep their decision; it ends, and goes on at the next start', async () => {
    await demo.end('SIGTERM')
    await moving()
    // with consent the population registry is asked too
    const second = [...demo.stdout().matchAll(/^curl [\s\S]*? -d '[^\n]*'$/gm)][1]?.[0] ?? ''
    expect(second).toContain('registryConsent')
    expect(JSON.parse((await bash(second)).stdout)).toMatchObject({ identity: { registry: 'confirmed' } })
    await expect.poll(sequence, { timeout: 30_000, interval: 100 }).toBeGreaterThan(3)
    const [state] = await asOwner(
      (sql) => sql`
        select count(*) filter (where known_to < 'infinity')::int as closed,
               count(*) filter (where feed_sequence > 1 and known_to = 'infinity')::int as opened from coverage`,
    )
    expect(state).toEqual({ closed: expect.toSatisfy((n) => n > 10), opened: expect.toSatisfy((n) => n > 10) })
    const sampled = await kiemthe(['sample', '--count', '1000', '--data', data])
    const people = sampled.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const items = people.map(({ qr, serviceDate }) => {
      return { evidence: { kind: 'chipIdQr', text: qr }, serviceDate, purpose: 'arrival' }
    })
    const response = await fetch(`${url()}/v1/verifications/batch`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${await tokenOf('facility:38001')}`,
      },
      body: JSON.stringify({ items }),
    })
    const answered = JSON.parse(await response.text()).items.map(
      ({ verification }: { verification: { code: string; decision: string } }) => {
        return { decision: verification.decision, code: verification.code }
      },
    )
    expect(answered).toEqual(people.map(({ expected }) => expected))
    const reached = await sequence()
    expect((await demo.end('SIGTERM')).code).toBe(0)

    const insurer = await moving()
    await expect.poll(sequence, { timeout: 30_000, interval: 100 }).toBeGreaterThan(reached + 1)
    expect((await fetch(`${insurer}manifests?after=1000000`)).status).toBe(200)
    await fetch(`${insurer}admin/produce?feed=vss-facilities`, { method: 'POST' })
    await expect.poll(catalogue, { timeout: 30_000, interval: 100 }).toEqual({ sequence: 2, rows: 672 })
    const { code } = await demo.end('SIGTERM')
    expect(code).toBe(0)
    await expect(fetch(`${insurer}manifests?after=1`)).rejects.toThrow()
    await restart()
    expect(demo.stdout()).toContain('still: no mocks run')
  })

  test('runs alone too, by `npm run mocks`, and `kiemthe pull` brings in what it offers', async () => {
    const before = await sequence()
    // Ports that the system gives: the second mock takes the one after the first's otherwise, which may be another suite's.
    const { stdout, stderr } = await bash(`
      node mocks/main.ts --data '${data}' --port 0 --delta-every 3600 2>'${data}/mocks.log' & mocks=$!
      until url=$(sed -n 's/^insurer (mock) \\([^ ]*\\): .*/\\1/p' '${data}/mocks.log'); [ "$url" ]; do
        kill -0 $mocks || exit 1
        sleep 0.1
      done
      curl -sf -X POST "\${url}admin/produce"
      curl -sf -X POST "\${url}admin/produce?feed=vss-facilities"
      node src/cli.ts pull --once --url "$url" --data '${data}'
      node src/cli.ts pull --once --feed vss-facilities --url "$url" --data '${data}'
      echo " pull $?"; kill $mocks; wait $mocks; echo "mocks $?"; cat '${data}/mocks.log' >&2`)
    expect(stdout).toMatch(/^\{"sequence":\d+\}\{"sequence":3\} pull 0\nmocks 0\n$/)
    expect(stderr).toMatch(/^insurer \(mock\) http:\/\/127\.0\.0\.1:\d+\/: a delta of 99 changes/m)
    expect(await sequence()).toBeGreaterThan(before)
    expect(stderr).toContain('catalogue 3 is in: 672 facilities, 0 rows quarantined')
    expect(await catalogue()).toMatchObject({ sequence: 3 })
  })
})

describe('after SIGTERM', () => {
  test('it ends with 0, its PostgreSQL is gone, and the next start has the same data', async () => {
    const before = await asOwner(
      (sql) => sql`select md5(string_agg(c::text, ',' order by subject, coverage_no)) from coverage c`,
    )
    const pid = await postgresPid()
    const { code } = await demo.end('SIGTERM')
    expect(code).toBe(0)
    expect(isAlive(pid)).toBe(false)

    await restart()
    expect(demo.stderr()).not.toContain('records')
    expect(
      await asOwner((sql) => sql`select md5(string_agg(c::text, ',' order by subject, coverage_no)) from coverage c`),
    ).toEqual(before)
    expect((await post(url(), await tokenOf('facility:38001'), scanOf(7).request)).status).toBe(200)
  })

  test('a start that contradicts its folder, or on a port that is taken, says so and harms nothing', async () => {
    await demo.end('SIGTERM')
    for (const options of [
      ['--cards', '3000'],
      ['--seed', 'elsewhere'],
    ]) {
      const { code, stderr } = await start(...options).ended
      expect(code).toBe(2)
      expect(stderr).toContain(`${data} holds ${CARDS} cards of seed thanh-hoa`)
    }

    const blocker = createServer().listen(port, '127.0.0.1')
    await once(blocker, 'listening')
    const { code, stderr } = await start().ended
    blocker.close()
    expect(code).toBe(1)
    expect(stderr).toContain(`port ${port} is taken`)
    expect(stderr).not.toMatch(/^\s+at /m)
    await expect(postgresPid()).rejects.toMatchObject({ code: 'ENOENT' })
    await restart()
  })
})
