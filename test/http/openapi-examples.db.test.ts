import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROUTES } from '../../src/app.ts'
import { isoDate } from '../../src/calendar.ts'
import { oauthProblemSchema, problemSchema } from '../../src/http/contract/problem.ts'
import type { Route } from '../../src/http/route.ts'
import { sealAll, sealerOn } from '../support/sealing.ts'
import { createWorld, type Running, type World } from '../support/service.ts'
import { record } from './http-support.ts'
import { assertion } from './oauth-support.ts'

/** Whom the examples of the document are about. */
const example = record({
  citizenId: '038090001234',
  insuranceNumber: '3800012345',
  cardNumber: 'GD4383800012345',
  fullName: 'Nguyễn Văn An',
  dateOfBirth: '1990-01-15',
  validFrom: isoDate('2026-01-01'),
  validTo: isoDate('2026-12-31'),
})

let world: World
let running: Running

beforeAll(async () => {
  world = await createWorld([example])
  running = await world.start()
})

afterAll(() => world?.close())

/** Parameters whose example another world made: a cursor is one facility's, an instant one copy's. */
const OF_ITS_WORLD: ReadonlySet<string> = new Set(['cursor', 'knownAt'])

async function ask(route: Route, body: unknown): Promise<Response> {
  const { contract } = route
  let path = route.path
  const headers: Record<string, string> = {}
  const query = new URLSearchParams()
  for (const { in: where, name, example, required } of contract.parameters ?? []) {
    const value = String(example)
    if (where === 'path') path = path.replace(`{${name}}`, value)
    if (where === 'query' && !OF_ITS_WORLD.has(name) && !(name === 'claim' && query.has('flag')))
      query.append(name, value)
    if (where === 'header' && (body === undefined || required || contract.tag === 'Audit')) headers[name] = value
  }
  const client = route.access.includes('sync')
    ? 'feed:vss'
    : contract.tag === 'Audit'
      ? 'auditor:test'
      : 'facility:38001'
  if (route.access !== 'public') headers['authorization'] = `Bearer ${await world.token(client)}`
  const init: RequestInit = { method: route.method, headers }
  if (contract.body !== undefined) {
    headers['content-type'] = contract.body.contentType
    if (contract.body.contentType === 'application/json') init.body = ofYesterday(JSON.stringify(body))
    else init.body = typeof body === 'string' ? body : form(body)
  }
  // what the routes before it recorded is published
  if (contract.tag === 'Log' || contract.tag === 'Audit') await sealAll(await sealerOn(world.owner))
  return fetch(`${running.url}${path}${query.size > 0 ? `?${query}` : ''}`, init)
}

/** A visit is told within 60 days: the instants of the examples, not their days, are moved to yesterday. */
function ofYesterday(json: string): string {
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)
  return json.replaceAll('2026-11-02T', `${yesterday}T`)
}

function form(value: unknown): string {
  return new URLSearchParams(value as Record<string, string>).toString()
}

/** The status is documented, and the body is what the document says of it. */
async function expectDocumented(route: Route, response: Response): Promise<unknown> {
  const text = await response.text()
  const type = response.headers.get('content-type') ?? ''
  const answer = route.contract.answers[response.status]
  if (type === 'application/problem+json') {
    return (route.oauth ? oauthProblemSchema : problemSchema).parse(JSON.parse(text))
  }
  expect(type.split(';')[0]).toBe(answer?.contentType)
  return answer?.schema.parse(type.startsWith('application/json') ? JSON.parse(text) : text)
}

describe.each(ROUTES.map((route) => [route.contract.operationId, route] as const))('%s', (_, route) => {
  const examples = Object.entries(route.contract.body?.examples ?? { none: { value: undefined, status: 200 } })
  test.each(examples)('the example %s would be answered otherwise than documented', async (_name, each) => {
    const response = await ask(route, each.value)
    expect(response.status).toBe(each.status)
    await expectDocumented(route, response)
  })
})

test('the example of a token, with an assertion of today, would not be answered', async () => {
  const route = ROUTES.find((each) => each.oauth)
  const value = route?.contract.body?.examples['verify']?.value as Record<string, string>
  const response = await fetch(`${running.url}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form({ ...value, client_assertion: await assertion(world, 'facility:38001') }),
  })
  expect(response.status).toBe(200)
  if (route) expect(await expectDocumented(route, response)).toMatchObject({ scope: 'verify', expires_in: 600 })
})

test('the first example would not find the person it is about', async () => {
  const route = ROUTES.find((each) => each.contract.operationId === 'verify')
  const response = await ask(route as Route, route?.contract.body?.examples['chipIdQr']?.value)
  expect(await response.json()).toMatchObject({ decision: 'entitled', coverages: [{ cardNumber: 'GD4383800012345' }] })
})
