import { describe, expect, test } from 'vitest'
import type { ErrorCode, FieldIssue } from '../../src/errors.ts'
import { openDesk, running, token, world } from '../support/desk.ts'
import {
  asking,
  card,
  document,
  expectRefused,
  logState,
  MARK,
  record,
  scan,
  secretsOf,
  send,
  typed,
} from './http-support.ts'

const someone = record()
const secrets = secretsOf(someone)
const good = asking(scan(someone))
const text = JSON.stringify(good)

openDesk([someone])

function refused(body: unknown, code: ErrorCode, at?: string, issue?: FieldIssue) {
  const wanted = { status: 400, code, ...(at === undefined || issue === undefined ? {} : { at, issue }) }
  return expectRefused(world, running, { token, body }, wanted, secrets)
}

describe('what is not one JSON object would be answered', () => {
  const broken: Record<string, string> = {
    'an empty body': '',
    'white space only': ' \n\t ',
    'a body cut off in the middle': text.slice(0, text.length / 2),
    'a body cut off before its last brace': text.slice(0, -1),
    'two objects': `${text}${text}`,
    'an object and something behind it': `${text} ${MARK}`,
    'a comma too many': text.replace(/}$/, ',}'),
    'a comment': text.replace('{', `{/* ${MARK} */`),
    'single quotes': text.replaceAll('"', "'"),
    'a bare word': MARK,
    'NaN as a value': text.replace(/"arrival"/, 'NaN'),
    'a control character inside a text': text.replace('arrival', 'arri\nval'),
    'an unknown escape': text.replace('arrival', '\\xarrival'),
    'half a Unicode escape': text.replace('arrival', '\\u12'),
    'a form': `evidence=${MARK}&purpose=arrival`,
    XML: `<?xml version="1.0"?><evidence>${MARK}</evidence>`,
  }
  for (const [name, body] of Object.entries(broken)) {
    test(name, async () => {
      await refused(body, 'invalid_json')
    })
  }

  const otherJson: Record<string, string> = {
    'an array': `[${text}]`,
    'an empty array': '[]',
    null: 'null',
    'a number': '38090001234',
    'a number beyond any range': '1e999',
    'a text': JSON.stringify(text),
    true: 'true',
  }
  for (const [name, body] of Object.entries(otherJson)) {
    test(`JSON that is ${name}`, async () => {
      await refused(body, 'invalid_request', '', 'member_type')
    })
  }
})

describe('a member of another type would be guessed at', () => {
  const values: readonly unknown[] = [null, 1, true, [], ['x'], {}, { toString: MARK }]
  for (const member of ['serviceDate', 'evidence', 'visit', 'officer', 'registryConsent', 'portalAnswer']) {
    const objects = ['evidence', 'visit', 'registryConsent', 'portalAnswer'].includes(member)
    for (const value of objects ? [null, 1, true, MARK, []] : values) {
      test(`${member} as ${JSON.stringify(value)}`, async () => {
        await refused({ ...good, [member]: value }, 'invalid_request', `/${member}`, 'member_type')
      })
    }
  }
  for (const value of values.slice(1)) {
    test(`a number of evidence as ${JSON.stringify(value)}`, async () => {
      const evidence = { ...typed(someone), number: value }
      await refused(asking(evidence), 'invalid_request', '/evidence/number', 'member_type')
    })
  }
  test('a citizen id as a JSON number, which loses its leading zero', async () => {
    const evidence = { ...typed(someone), number: Number(someone.citizenId) }
    await refused(asking(evidence), 'invalid_request', '/evidence/number', 'member_type')
  })
  test('inpatient as a text', async () => {
    const visit = { visitId: MARK, inpatient: 'false' }
    await refused({ ...good, visit }, 'invalid_request', '/visit/inpatient', 'member_type')
  })
  test('route as a number: 1.10 would become 1.1', async () => {
    await refused({ ...good, visit: { visitId: MARK, route: 1.1 } }, 'invalid_request', '/visit/route', 'member_type')
  })
})

describe('a value outside the contract would be taken', () => {
  const values: [string, Record<string, unknown>, string][] = [
    ['an unknown purpose', { purpose: MARK }, '/purpose'],
    ['a purpose in capitals', { purpose: 'ARRIVAL' }, '/purpose'],
    ['a purpose that every object has', { purpose: 'constructor' }, '/purpose'],
    ['an unknown kind of evidence', { evidence: { ...scan(someone), kind: MARK } }, '/evidence/kind'],
    ['a kind that every object has', { evidence: { ...scan(someone), kind: '__proto__' } }, '/evidence/kind'],
    ['a kind of a later release', { evidence: { kind: 'chipId', sod: MARK } }, '/evidence/kind'],
    ['an unknown document', { evidence: { ...document(someone, 'vneid'), document: MARK } }, '/evidence/document'],
    ['a route with a letter', { visit: { visitId: MARK, route: '1.a' } }, '/visit/route'],
    ['a route with a line break', { visit: { visitId: MARK, route: '1.1\n' } }, '/visit/route'],
    ['a portal code of four digits', { portalAnswer: portal({ code: '0000' }) }, '/portalAnswer/code'],
    ['a portal time that is no time', { portalAnswer: portal({ askedAt: MARK }) }, '/portalAnswer/askedAt'],
    [
      'a portal time without zone',
      { portalAnswer: portal({ askedAt: '2026-01-01T00:00:00' }) },
      '/portalAnswer/askedAt',
    ],
    [
      'a portal time on 30 February',
      { portalAnswer: portal({ askedAt: '2026-02-30T00:00:00Z' }) },
      '/portalAnswer/askedAt',
    ],
  ]
  for (const [name, members, at] of values) {
    test(name, async () => {
      await refused({ ...good, ...members }, 'invalid_request', at, 'member_value')
    })
  }
})

function portal(members: Record<string, unknown>) {
  return { askedAt: new Date().toISOString(), code: '000', digest: MARK, ...members }
}

describe('a member that is missing would be filled in', () => {
  const whole = {
    ...good,
    visit: { visitId: MARK },
    registryConsent: { method: 'signedForm', reference: MARK, givenAt: new Date().toISOString() },
    portalAnswer: portal({}),
  }
  for (const member of ['evidence', 'serviceDate', 'purpose']) {
    test(`no ${member}`, async () => {
      await refused({ ...good, [member]: undefined }, 'invalid_request', `/${member}`, 'member_missing')
    })
  }
  const nested: [string, string[]][] = [
    ['visit', ['visitId']],
    ['registryConsent', ['method', 'reference', 'givenAt']],
    ['portalAnswer', ['askedAt', 'code', 'digest']],
  ]
  for (const [parent, members] of nested) {
    for (const member of members) {
      test(`${parent} without ${member}`, async () => {
        const body = structuredClone(whole) as unknown as Record<string, Record<string, unknown>>
        delete body[parent]?.[member]
        await refused(body, 'invalid_request', `/${parent}/${member}`, 'member_missing')
      })
    }
  }
  const evidences = { chipIdQr: scan(someone), chipIdTyped: typed(someone), insuranceCard: card(someone) }
  for (const [kind, evidence] of Object.entries({ ...evidences, document: document(someone, 'vneid') })) {
    for (const member of Object.keys(evidence)) {
      test(`${kind} without ${member}`, async () => {
        const body = asking({ ...evidence, [member]: undefined })
        await refused(body, 'invalid_request', `/evidence/${member}`, 'member_missing')
      })
    }
  }
  test('all faults of a request are named at once', async () => {
    const reply = await refused({ [MARK]: 1 }, 'invalid_request', '/evidence', 'member_missing')
    expect(reply.json.errors?.map((each) => `${each.pointer} ${each.code}`)).toEqual([
      '/evidence member_missing',
      '/serviceDate member_missing',
      '/purpose member_missing',
      ' member_unknown',
    ])
  })
})

describe('a member that nobody knows would be dropped in silence', () => {
  const places: [string, (name: string) => string, string][] = [
    ['at the top', (name) => text.replace('{', `{"${name}":"${MARK}",`), ''],
    ['inside evidence', (name) => text.replace('"kind"', `"${name}":"${MARK}","kind"`), '/evidence'],
    ['inside visit', (name) => text.replace('{', `{"visit":{"visitId":"1","${name}":"${MARK}"},`), '/visit'],
  ]
  for (const [where, body, at] of places) {
    for (const name of [MARK, someone.citizenId ?? '', '', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
      test(`"${name === MARK ? 'a new one' : name}" ${where}`, async () => {
        await refused(body(name), 'invalid_request', at, 'member_unknown')
      })
    }
    test(`"__proto__" ${where}`, async () => {
      await refused(body('__proto__'), 'invalid_request', '', 'member_unknown')
      await refused(body('\\u005f_proto__'), 'invalid_request', '', 'member_unknown')
    })
  }
  test('"__proto__" with the members of a request would be a request', async () => {
    await refused(`{"__proto__":${text}}`, 'invalid_request', '', 'member_unknown')
    expect(({} as Record<string, unknown>)['evidence']).toBeUndefined()
  })
  test('members of another kind of evidence', async () => {
    await refused(asking({ ...scan(someone), number: MARK }), 'invalid_request', '/evidence', 'member_unknown')
  })
})

describe('a text past its bound would be stored', () => {
  const long = (chars: number) => `${MARK}${'x'.repeat(chars + 1 - MARK.length)}`
  const texts: [string, Record<string, unknown>][] = [
    ['/serviceDate', { serviceDate: long(10) }],
    ['/officer', { officer: long(64) }],
    ['/visit/visitId', { visit: { visitId: long(100) } }],
    [
      '/registryConsent/reference',
      { registryConsent: { method: 'sms', reference: long(128), givenAt: new Date().toISOString() } },
    ],
    ['/portalAnswer/digest', { portalAnswer: portal({ digest: long(128) }) }],
    ['/evidence/text', { evidence: { ...scan(someone), text: long(2048) } }],
    ['/evidence/number', { evidence: { ...typed(someone), number: long(32) } }],
    ['/evidence/fullName', { evidence: { ...typed(someone), fullName: long(255) } }],
    ['/evidence/dateOfBirth', { evidence: { ...typed(someone), dateOfBirth: long(10) } }],
  ]
  for (const [at, members] of texts) {
    test(`${at} one character too long`, async () => {
      await refused({ ...good, ...members }, 'invalid_request', at, 'member_too_long')
    })
  }
  test('an empty text would pass for a value', async () => {
    await refused({ ...good, officer: '' }, 'invalid_request', '/officer', 'member_too_short')
    await refused({ ...good, visit: { visitId: '' } }, 'invalid_request', '/visit/visitId', 'member_too_short')
    await refused(
      asking({ ...typed(someone), fullName: '' }),
      'invalid_request',
      '/evidence/fullName',
      'member_too_short',
    )
  })
  test('texts at their bound would be refused', async () => {
    const members = { officer: 'x'.repeat(64), visit: { visitId: 'x'.repeat(100), route: '1.10', inpatient: true } }
    const before = await logState(world)
    const reply = await send(running.url, { token, body: { ...good, ...members } })
    expect(reply.status).toBe(200)
    expect((await logState(world)).size).toBe(before.size + 1)
  })
})

describe('a text that no UTF-8 can hold would be recorded', () => {
  const lone = '\\ud83d'
  const places: [string, string][] = [
    ['/visit/visitId', text.replace('{', `{"visit":{"visitId":"${MARK}${lone}"},`)],
    ['/officer', text.replace('{', `{"officer":"${lone}${MARK}",`)],
    ['/evidence/text', text.replace('Quảng', lone)],
    ['/evidence/fullName', JSON.stringify(asking(typed(someone))).replace('Khánh', lone)],
  ]
  for (const [at, body] of places) {
    test(`a lone surrogate in ${at}`, async () => {
      await refused(body, 'invalid_request', at, 'member_value')
    })
  }
  test('a lone surrogate as a member name', async () => {
    await refused(text.replace('{', `{"${lone}":1,`), 'invalid_request', '', 'member_unknown')
  })
  test('a whole surrogate pair would be refused', async () => {
    const reply = await send(running.url, { token, body: text.replace('Quảng', '\\ud83d\\ude00') })
    expect({ status: reply.status, code: reply.json.code }).toEqual({ status: 200, code: 'valid' })
  })
})
