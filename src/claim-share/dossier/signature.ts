import { X509Certificate } from 'node:crypto'
import { DOMParser } from '@xmldom/xmldom'
import { SignedXml } from 'xml-crypto'
import type { SignatureShown } from '../details.ts'
import { decodeBase64, withoutSpace } from './base64.ts'
import type { DomDocument, DomElement, DomList } from './dom.d.ts'
import type { Dossier } from './dossier.ts'
import { childrenOf, type XmlElement } from './xml.ts'

/**
 * `CHUKYDONVI`: the facility's signature over its file. The portal's guide says SHA-256 and what it covers in words; its
 * XSD could not be had, so XMLDSig (enveloped) is what we take (inferred). Shown, never a reason to refuse: whether the
 * certificate is the facility's is known to the portal, where it is registered; no chain is built here.
 */
export type UnverifiableWhy =
  | 'notXmlDsig'
  | 'shape'
  | 'scope'
  | 'algorithm'
  | 'noCertificate'
  | 'certificateUnreadable'
  | 'keyTooShort'
  | 'certificateNotInForce'
  | 'tooLarge'

const SHA2 = new Set(['http://www.w3.org/2001/04/xmlenc#sha256', 'http://www.w3.org/2001/04/xmlenc#sha512'])
const RSA_SHA2 = new Set([
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
  'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
])
const C14N = new Set(['http://www.w3.org/TR/2001/REC-xml-c14n-20010315', 'http://www.w3.org/2001/10/xml-exc-c14n#'])
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature'
const DSIG = 'http://www.w3.org/2000/09/xmldsig#'

/** Of the file, and of XAdES' own properties. */
const REFERENCES_MAX = 4
const TRANSFORMS_MAX = 4
const RSA_BITS_MIN = 2_048
/** An envelope has some 60; a check-in's rows 27 each. Verifying takes one go, with no turn of the event loop. */
const ELEMENTS_MAX = 10_000

/** What the signature says, `now` being when it is looked at. */
export function checkSignature(dossier: Dossier, now: Date): SignatureShown {
  const holders = childrenOf(dossier.root, 'CHUKYDONVI')
  const holder = holders[0]
  if (holders.length > 1) return unverifiable('shape')
  if (holder === undefined || (holder.children.length === 0 && holder.text.trim() === '')) {
    return { outcome: 'absent', why: null, certificate: null }
  }
  if (holder.children.length === 0) return unverifiable('notXmlDsig')
  if (dossier.envelopeElements > ELEMENTS_MAX) return unverifiable('tooLarge')
  try {
    return verify(dossier, holder, now)
  } catch {
    return unverifiable('shape') // what the library throws may quote the file
  }
}

function verify(dossier: Dossier, holder: XmlElement, now: Date): SignatureShown {
  // one signature in the whole file, where the standard has it: nothing to wrap
  if (count(dossier.root, 'Signature') !== 1 || holder.children.length !== 1) return unverifiable('shape')
  const document = new DOMParser({ errorHandler: quiet }).parseFromString(dossier.text, 'text/xml')
  const signature = document.getElementsByTagNameNS(DSIG, 'Signature')
  const element = signature.item(0)
  if (signature.length !== 1 || element?.parentNode?.nodeName !== 'CHUKYDONVI') return unverifiable('notXmlDsig')
  const certificate = certificateOf(element)
  if (typeof certificate === 'string') return unverifiable(certificate)
  const shown = show(certificate)
  const why = refusalOf(dossier, document, element, certificate, now)
  if (why !== null) return { ...unverifiable(why), certificate: shown }
  const signed = new SignedXml({ publicCert: certificate.toString() })
  signed.loadSignature(element)
  let isValid = false
  try {
    isValid = signed.checkSignature(dossier.text)
  } catch {
    isValid = false // it throws where the value does not verify, and quotes it
  }
  return isValid
    ? { outcome: 'valid', why: null, certificate: shown }
    : { outcome: 'invalid', why: 'value', certificate: shown }
}

const quiet = () => {
  throw new Error('not well-formed')
}

function refusalOf(
  dossier: Dossier,
  document: DomDocument,
  signature: DomElement,
  certificate: X509Certificate,
  now: Date,
): UnverifiableWhy | null {
  const algorithms = (name: string) => elements(signature, name).map((each) => each.getAttribute('Algorithm') ?? '')
  const one = (name: string, of: ReadonlySet<string>) => {
    const [algorithm, more] = algorithms(name)
    return algorithm !== undefined && more === undefined && of.has(algorithm)
  }
  if (!one('SignatureMethod', RSA_SHA2) || !one('CanonicalizationMethod', C14N)) return 'algorithm'
  if (!algorithms('DigestMethod').every((each) => SHA2.has(each))) return 'algorithm'
  if (!algorithms('Transform').every((each) => each === ENVELOPED || C14N.has(each))) return 'algorithm'
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey
  if (asymmetricKeyType !== 'rsa') return 'algorithm'
  if ((asymmetricKeyDetails?.modulusLength ?? RSA_BITS_MIN) < RSA_BITS_MIN) return 'keyTooShort'
  if (!coversAll(dossier, document, signature)) return 'scope'
  if (now < new Date(certificate.validFrom) || now > new Date(certificate.validTo)) return 'certificateNotInForce'
  return null
}

/**
 * The whole file but the signature (`URI=""`, enveloped), or by their ids all that stands beside it in the root. An id is
 * in the file once. Other references are XAdES' own, within the signature: verified, and of no weight.
 */
function coversAll(dossier: Dossier, document: DomDocument, signature: DomElement): boolean {
  const references = elements(signature, 'Reference')
  if (references.length === 0 || references.length > REFERENCES_MAX) return false
  if (references.some((each) => elements(each, 'Transform').length > TRANSFORMS_MAX)) return false
  const root = document.documentElement
  const covered = new Set<DomElement>()
  for (const reference of references) {
    const uri = reference.getAttribute('URI')
    if (uri === null) return false
    if (uri === '') {
      covered.add(root)
      continue
    }
    if (!/^#[\w.-]{1,128}$/.test(uri)) return false // elsewhere, or an expression
    const found = withId(root, uri.slice(1))
    if (found.length !== 1) return false
    for (const each of found) covered.add(each)
  }
  if (covered.has(root)) return true
  const wanted = dossier.kind === 'claim' ? ['THONGTINDONVI', 'THONGTINHOSO'] : ['DSACH_TRANG_THAI_KCB']
  return wanted.every((name) => [...covered].some((each) => each.parentNode === root && each.nodeName === name))
}

function withId(root: DomElement, id: string): DomElement[] {
  const all = [root, ...elements(root, '*', '*')]
  return all.filter((each) => ['Id', 'ID', 'id'].some((name) => each.getAttribute(name) === id))
}

function list(found: DomList): DomElement[] {
  return Array.from({ length: found.length }, (_, n) => found.item(n)).filter((each) => each !== null)
}

function elements(parent: DomElement, name: string, uri = DSIG): DomElement[] {
  return list(parent.getElementsByTagNameNS(uri, name))
}

/** The key comes with what it signs: it proves that one hand made both, and the certificate says whose it claims to be. */
function certificateOf(signature: DomElement): X509Certificate | UnverifiableWhy {
  const [first] = elements(signature, 'X509Certificate')
  if (first === undefined) return 'noCertificate'
  const der = decodeBase64(withoutSpace(first.textContent ?? ''))
  if (der === null || der.length > 16_384) return 'certificateUnreadable'
  try {
    return new X509Certificate(der)
  } catch {
    return 'certificateUnreadable'
  }
}

function show(certificate: X509Certificate): SignatureShown['certificate'] {
  const line = (text: string) => text.replaceAll('\n', ', ').slice(0, 512)
  return {
    subject: line(certificate.subject),
    issuer: line(certificate.issuer),
    serial: certificate.serialNumber.slice(0, 64),
    validFrom: new Date(certificate.validFrom).toISOString(),
    validTo: new Date(certificate.validTo).toISOString(),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}

function count(element: XmlElement, local: string): number {
  let found = element.name.split(':').at(-1) === local ? 1 : 0
  for (const child of element.children) found += count(child, local)
  return found
}

function unverifiable(why: UnverifiableWhy): SignatureShown {
  return { outcome: 'unverifiable', why, certificate: null }
}
