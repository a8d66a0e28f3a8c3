import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createApp, ROUTES } from '../../src/app.ts'
import { openApiDocument } from '../../src/cli/openapi-document.ts'
import { DECISION_CODES } from '../../src/entitlement/decision-code.ts'
import { WARNING_TEXTS } from '../../src/entitlement/decision-text.ts'
import { ERROR_CODES, ServiceError } from '../../src/errors.ts'
import { FIELD_ISSUES } from '../../src/http/field-issue-text.ts'
import { toProblem } from '../../src/http/problem.ts'
import { PROBLEMS } from '../../src/http/problem-text.ts'
import { problemsOf } from '../../src/http/route.ts'
import type { Scope } from '../../src/scope.ts'

const SNAPSHOT = join(import.meta.dirname, '../../src/http/openapi.json')

const app = createApp(
  () =>
    ({
      now: () => new Date('2026-11-24T03:00:00Z'),
      record: () => {},
      service: { limits: { inFlight: 0 }, config: { publicUrl: 'https://kiemthe.test' } },
    }) as unknown as Scope,
  () => 'unknown',
)

test('the snapshot is old: run `npm run openapi` and look at the difference', () => {
  expect(readFileSync(SNAPSHOT, 'utf8')).toBe(openApiDocument())
})

test('two operations would have one name, or one path and method', () => {
  for (const names of [ROUTES.map((r) => r.contract.operationId), ROUTES.map((r) => `${r.method} ${r.path}`)]) {
    expect(new Set(names).size).toBe(names.length)
  }
})

test('a reference would lead nowhere', () => {
  const text = openApiDocument()
  const { components } = JSON.parse(text)
  const refs = [...text.matchAll(/"\$ref": "#\/components\/(\w+)\/([\w-]+)"/g)]
  expect(refs.length).toBeGreaterThan(50)
  for (const [, kind, name] of refs) expect(components[kind ?? '']).toHaveProperty([name ?? ''])
  expect(text.match(/"\$ref"/g)).toHaveLength(refs.length)
})

describe.each(ROUTES.map((route) => [route.contract.operationId, route] as const))('%s', (_, route) => {
  const { contract } = route

  test('an example of an answer would not fit its schema', () => {
    for (const answer of Object.values(contract.answers)) {
      expect(Object.keys(answer.examples).length).toBeGreaterThan(0)
      for (const { value } of Object.values(answer.examples)) expect(answer.schema.parse(value)).toEqual(value)
    }
  })

  test('an example of a parameter or of a body that is answered would not fit', () => {
    for (const { schema, example } of contract.parameters ?? []) expect(schema.parse(example)).toBe(example)
    if (contract.body === undefined) return
    for (const { value } of Object.values(contract.body.examples)) contract.body.schema.parse(value)
  })

  test('a token is wanted, and what is told of refusals is missing', () => {
    const codes = problemsOf(route)
    expect(codes).toContain('internal')
    expect(codes.includes('token_missing')).toBe(route.access !== 'public')
    expect(codes.includes('scope_missing')).toBe(route.access !== 'public')
    const tooMany = ERROR_CODES.filter((code) => PROBLEMS[code].status === 429)
    if (route.access !== 'public') expect(codes).toEqual(expect.arrayContaining(tooMany))
  })
})

describe('pages', () => {
  const page = async (path: string) => {
    const response = await app.request(path)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'/)
    return response.text()
  }
  const anchors = (html: string) => [...html.matchAll(/ id="([^"]+)"/g)].map((each) => each[1] ?? '')

  test.each(ERROR_CODES)('the type of %s would lead nowhere', async (code) => {
    const { type } = JSON.parse(toProblem(new ServiceError(code), 'x').body)
    const url = new URL(type, 'https://kiemthe.test')
    expect(anchors(await page(url.pathname)).filter((id) => `#${id}` === url.hash)).toHaveLength(1)
  })

  test('a fault, decision, warning or operation has no anchor, or shares one', async () => {
    const [docs, problems] = [anchors(await page('/docs')), anchors(await page('/docs/problems'))]
    for (const all of [docs, problems]) expect(new Set(all).size).toBe(all.length)
    expect(problems).toEqual(expect.arrayContaining(Object.keys(FIELD_ISSUES)))
    const names = [...Object.keys(DECISION_CODES), ...Object.keys(WARNING_TEXTS)]
    expect(docs).toEqual(expect.arrayContaining([...names, ...ROUTES.map((each) => each.contract.operationId)]))
  })

  test('something would be loaded from elsewhere, or run', async () => {
    for (const path of ['/docs', '/docs/problems']) {
      const html = await page(path)
      expect(html).not.toMatch(/<script|<link|<img|<iframe|\son\w+=|src=|@import|url\(/)
      for (const [, href] of html.matchAll(/href="([^"]+)"/g)) expect(href).toMatch(/^[/#]/)
      expect(html).toBe(html.normalize('NFC'))
    }
  })

  test('a link within a page would lead nowhere', async () => {
    for (const path of ['/docs', '/docs/problems']) {
      const html = await page(path)
      const ids = anchors(html)
      for (const [, target] of html.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target)
    }
  })

  test('the document that is served would be another one', async () => {
    const response = await app.request('/openapi.json')
    expect(await response.json()).toEqual(JSON.parse(readFileSync(SNAPSHOT, 'utf8')))
  })
})
