import { describe, expect, test } from 'vitest'
import { checkInFile, claimFile, demoSigner, signed } from '../../mocks/dossier/file.ts'
import { checkInTables, claimTables } from '../../mocks/dossier/visit.ts'
import { person } from '../../mocks/province/person.ts'
import { isoDate } from '../../src/calendar.ts'
import { readDossier } from '../../src/claim-share/dossier/dossier.ts'
import { checkSignature } from '../../src/claim-share/dossier/signature.ts'
import type { ShareKind } from '../../src/claim-share/entry.ts'

const NOW = new Date('2026-11-24T03:00:00Z')
const someone = person({ seed: 'signatures', baseDate: isoDate('2026-11-24') }, 1)
const visit = { facility: '38001', visitId: 'L-1', day: isoDate('2026-11-20'), seed: 'signatures' }
const plain = claimFile(claimTables(someone, visit), '38001')
const whole = signed(plain)

async function seen(file: string, kind: ShareKind = 'claim', now = NOW) {
  const { outcome, why } = checkSignature(await readDossier(Buffer.from(file), kind), now)
  return why === null ? outcome : `${outcome} ${why}`
}

test('a signature over the whole file would not hold, or its certificate not be shown', async () => {
  expect(await seen(whole)).toBe('valid')
  expect(await seen(signed(checkInFile(checkInTables(someone, visit))), 'checkIn')).toBe('valid')
  const { certificate } = checkSignature(await readDossier(Buffer.from(whole), 'claim'), NOW)
  expect(certificate).toMatchObject({ subject: expect.stringContaining('CN=DEMO 38001'), serial: '1000000000000001' })
  expect(certificate?.validTo).toBe('2125-12-31T23:59:59.000Z')
})

const signature = /<Signature.*<\/Signature>/s.exec(whole)?.[0] ?? ''
const sha1 = 'http://www.w3.org/2000/09/xmldsig#sha1'

test.each<[string, string, string]>([
  ['is not there', plain, 'absent'],
  ['is over other bytes', whole.replace('<SOLUONGHOSO>1', '<SOLUONGHOSO>2'), 'invalid value'],
  ['has another value', whole.replace(/<SignatureValue>..../, '<SignatureValue>AAAA'), 'invalid value'],
  ['is text', plain.replace('<CHUKYDONVI>', '<CHUKYDONVI>c2ln'), 'unverifiable notXmlDsig'],
  [
    'is of no namespace',
    plain.replace('<CHUKYDONVI>', '<CHUKYDONVI><Signature><a/></Signature>'),
    'unverifiable notXmlDsig',
  ],
  ['stands twice', whole.replace(signature, signature + signature), 'unverifiable shape'],
  ['stands beside another one elsewhere', whole.replace('<NGAYLAP>', `${signature}<NGAYLAP>`), 'unverifiable shape'],
  [
    'is in a second CHUKYDONVI',
    whole.replace('<CHUKYDONVI>', '<CHUKYDONVI></CHUKYDONVI><CHUKYDONVI>'),
    'unverifiable shape',
  ],
  ['digests by SHA-1', signed(plain, demoSigner(), sha1), 'unverifiable algorithm'],
  [
    'is by an HMAC',
    whole.replace('2001/04/xmldsig-more#rsa-sha256', '2000/09/xmldsig#hmac-sha1'),
    'unverifiable algorithm',
  ],
  [
    'transforms by XSLT',
    whole.replace(
      'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
      'http://www.w3.org/TR/1999/REC-xslt-19991116',
    ),
    'unverifiable algorithm',
  ],
  ['refers elsewhere', whole.replace('URI=""', 'URI="http://127.0.0.1/x"'), 'unverifiable scope'],
  [
    'refers to a part',
    whole.replace('URI=""', 'URI="#a"').replace('<NGAYLAP>', '<NGAYLAP Id="a">'),
    'unverifiable scope',
  ],
  ['refers by an expression', whole.replace('URI=""', 'URI="#xpointer(/)"'), 'unverifiable scope'],
  ['has no certificate', whole.replace(/<KeyInfo>.*<\/KeyInfo>/s, ''), 'unverifiable noCertificate'],
  [
    'has a certificate that is none',
    whole.replace(/(<X509Certificate>)[^<]*/, '$1AAAA'),
    'unverifiable certificateUnreadable',
  ],
])('a signature that %s would be taken for another', async (_, file, says) => {
  expect(await seen(file)).toBe(says)
})

test('a certificate that is no longer, or not yet, in force would count', async () => {
  expect(await seen(whole, 'claim', new Date('2126-06-01T00:00:00Z'))).toBe('unverifiable certificateNotInForce')
  expect(await seen(whole, 'claim', new Date('2019-06-01T00:00:00Z'))).toBe('unverifiable certificateNotInForce')
})

describe('what it covers by ids', () => {
  const ids = (file: string) =>
    file.replace('<THONGTINDONVI>', '<THONGTINDONVI Id="u">').replace('<THONGTINHOSO>', '<THONGTINHOSO Id="h">')
  test('a file whose parts are all covered would be of another scope, one with a part twice not', async () => {
    // the digests do not hold: what is covered is looked at before
    const both = whole.replace(
      /<Reference URI="">(.*?)<\/Reference>/s,
      '<Reference URI="#u">$1</Reference><Reference URI="#h">$1</Reference>',
    )
    expect(await seen(ids(both))).toBe('invalid value')
    expect(await seen(ids(both).replace('<HOSO>', '<HOSO Id="u">'))).toBe('unverifiable scope')
    expect(await seen(ids(whole.replace('URI=""', 'URI="#h"')))).toBe('unverifiable scope')
  })
})
