import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { person } from '../../mocks/province/person.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { anyFreePort } from '../../src/cli/embedded/port.ts'
import { bash, type Command, kiemthe, newDataFolder, removeDataFolder, startKiemthe } from '../support/kiemthe.ts'
import { post } from '../support/service.ts'

const today = todayInVietnam(new Date())
const data = await newDataFolder()
let edge: Command | undefined

afterAll(async () => {
  await edge?.end('SIGKILL')
  await removeDataFolder(data)
})

test('npm run dev:edge would not answer on the demo’s database, leave a key behind, or stay when it is ended', async () => {
  const port = await anyFreePort()
  edge = startKiemthe(['edge', '--data', data, '--port', String(port), '--cards', '300'])
  await edge.until(/^ready http/m)
  const url = `http://127.0.0.1:${port}`
  const someone = person({ seed: 'thanh-hoa', baseDate: today }, 3)
  const { stdout: token } = await kiemthe(['token', '--facility', '38001', '--data', data])
  const evidence = { kind: 'chipIdQr', text: chipIdQrText(someone) }
  const reply = await post(url, token.trim(), { evidence, serviceDate: today, purpose: 'arrival' })
  expect(reply.body).toMatchObject(someone.expected)
  // and the registry beside it is asked, with consent
  const registryConsent = { method: 'signedForm', reference: 'x', givenAt: new Date().toISOString() }
  const asked = { evidence, serviceDate: today, purpose: 'arrival', officer: 'NV-1', registryConsent }
  expect((await post(url, token.trim(), asked)).body.identity?.registry).toMatch(/^(confirmed|notConfirmed)$/)
  // as the Worker writes it; wrangler passes lines on when it gets to it
  const told = () => edge?.stderr()
  await expect.poll(told, { timeout: 20_000 }).toContain('"route":"/v1/verifications","status":200')
  expect(await (await fetch(`${url}/health/ready`)).json()).toEqual({ status: 'ready', reasons: [] })

  const { code, stderr } = await edge.end('SIGTERM')
  expect([code, stderr]).toEqual([0, expect.stringContaining('PostgreSQL has stopped')])
  await expect(fetch(url)).rejects.toThrow()
  // keys and passwords are where they were before, and in no file that wrangler made
  const secrets = await Promise.all(['data-keys.json', 'roles.json', 'token-keys.json'].map(secretsOf))
  expect(await readdir(data)).toContain('wrangler')
  const found = await bash(
    `grep -rlaF ${secrets
      .flat()
      .map((each) => `-e '${each}'`)
      .join(' ')} '${data}/wrangler' .wrangler`,
  )
  expect(found.stdout).toBe('')
})

/** Every text of a key file that is long enough to be a secret. */
async function secretsOf(name: string): Promise<string[]> {
  const texts = (await readFile(join(data, name), 'utf8')).match(/(?<=")[\w+/=-]{40,}(?=")/g)
  if (texts === null) throw new Error(`${name} holds no secret`)
  return texts
}
