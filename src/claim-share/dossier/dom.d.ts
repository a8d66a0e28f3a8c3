/**
 * What we use of `@xmldom/xmldom` and `xml-crypto`: their own types bring the browser's global types into all files
 * (`tsconfig.json` leads both names here).
 */
export interface DomNode {
  readonly nodeName: string
  readonly textContent: string | null
  readonly parentNode: DomNode | null
}

export interface DomElement extends DomNode {
  getAttribute(name: string): string | null
  getElementsByTagNameNS(uri: string, name: string): DomList
}

export interface DomList {
  readonly length: number
  item(index: number): DomElement | null
}

export interface DomDocument {
  readonly documentElement: DomElement
  getElementsByTagNameNS(uri: string, name: string): DomList
}

export class DOMParser {
  constructor(options: { errorHandler: (level: string, message: string) => void })
  parseFromString(text: string, type: 'text/xml'): DomDocument
}

export class SignedXml {
  constructor(options: {
    publicCert?: string
    privateKey?: string
    signatureAlgorithm?: string
    canonicalizationAlgorithm?: string
  })
  loadSignature(signature: DomElement): void
  checkSignature(text: string): boolean
  addReference(reference: {
    xpath: string
    uri?: string
    isEmptyUri?: boolean
    transforms: readonly string[]
    digestAlgorithm: string
  }): void
  computeSignature(text: string, options: { location: { reference: string; action: 'append' } }): void
  getSignedXml(): string
}
