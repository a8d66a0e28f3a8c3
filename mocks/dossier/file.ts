import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SignedXml } from 'xml-crypto'
import type { Row, Tables } from './visit.ts'

/** Root, list and row of each table that is made here. */
const ELEMENTS: Readonly<Record<string, readonly string[]>> = {
  XML1: ['TONG_HOP'],
  XML2: ['CHITIEU_CHITIET_THUOC', 'DSACH_CHI_TIET_THUOC', 'CHI_TIET_THUOC'],
  XML3: ['CHITIEU_CHITIET_DVKT_VTYT', 'DSACH_CHI_TIET_DVKT', 'CHI_TIET_DVKT'],
  XML4: ['CHITIEU_CHITIET_DICHVUCANLAMSANG', 'DSACH_CHI_TIET_CLS', 'CHI_TIET_CLS'],
  XML6: [
    'CHI_TIEU_HO_SO_BENH_AN_CHAM_SOC_VA_DIEU_TRI_HIV_AIDS',
    'DSACH_HO_SO_BENH_AN_CHAM_SOC_VA_DIEU_TRI_HIV_AIDS',
    'HO_SO_BENH_AN_CHAM_SOC_VA_DIEU_TRI_HIV_AIDS',
  ],
  XML5: ['CHITIEU_CHITIET_DIENBIENLAMSANG', 'DSACH_CHI_TIET_DIEN_BIEN_BENH', 'CHI_TIET_DIEN_BIEN_BENH'],
  XML7: ['CHI_TIEU_DU_LIEU_GIAY_RA_VIEN'],
  XML8: ['CHI_TIEU_DU_LIEU_TOM_TAT_HO_SO_BENH_AN'],
  XML9: ['CHI_TIEU_DU_LIEU_GIAY_CHUNG_SINH', 'DSACH_GIAYCHUNGSINH', 'DU_LIEU_GIAY_CHUNG_SINH'],
  XML10: ['CHI_TIEU_DU_LIEU_GIAY_NGHI_DUONG_THAI'],
  XML11: ['CHI_TIEU_DU_LIEU_GIAY_CHUNG_NHAN_NGHI_VIEC_HUONG_BAO_HIEM_XA_HOI'],
  XML13: ['CHI_TIEU_GIAYCHUYENTUYEN'],
  XML14: ['CHI_TIEU_GIAYHEN_KHAMLAI'],
  XML15: ['CHI_TIEU_DIEUTRI_BENHLAO', 'DSACH_CHITIET_DIEUTRI_BENHLAO', 'CHITIET_DIEUTRI_BENHLAO'],
}

/** The file of a claim, unsigned: the portal's envelope around base64 of each table. */
export function claimFile(tables: Tables, facility: string, madeOn = '20261124'): string {
  const files = Object.entries(tables).map(([name, rows]) => fileOf(name, tableXml(name, rows)))
  return envelope(files, facility, madeOn)
}

export function fileOf(name: string, xml: string): string {
  return `<FILEHOSO><LOAIHOSO>${name}</LOAIHOSO><NOIDUNGFILE>${Buffer.from(xml).toString('base64')}</NOIDUNGFILE></FILEHOSO>`
}

export function envelope(files: readonly string[], facility: string, madeOn = '20261124'): string {
  return [
    '<?xml version="1.0" encoding="utf-8"?>\n',
    '<GIAMDINHHS xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">',
    `<THONGTINDONVI><MACSKCB>${facility}</MACSKCB></THONGTINDONVI>`,
    `<THONGTINHOSO><NGAYLAP>${madeOn}</NGAYLAP><SOLUONGHOSO>1</SOLUONGHOSO><DANHSACHHOSO><HOSO>`,
    ...files,
    '</HOSO></DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI></CHUKYDONVI></GIAMDINHHS>',
  ].join('')
}

export function checkInFile(tables: Tables): string {
  const rows = (tables['XML0'] ?? []).map((row) => element('TRANG_THAI_KCB', fieldsOf(row))).join('')
  return element('CHI_TIEU_TRANG_THAI_KCB', `${element('DSACH_TRANG_THAI_KCB', rows)}<CHUKYDONVI></CHUKYDONVI>`)
}

export function tableXml(name: string, rows: readonly Row[]): string {
  const steps = [...(ELEMENTS[name] ?? [name])]
  const row = steps.pop() ?? name
  const inner = rows.map((each) => element(row, fieldsOf(each))).join('')
  return `<?xml version="1.0" encoding="utf-8"?>${steps.reduceRight((so, step) => element(step, so), inner)}`
}

function fieldsOf(row: Row): string {
  return Object.entries(row)
    .map(([name, text]) => element(name, escaped(text)))
    .join('')
}

function element(name: string, inner: string): string {
  return `<${name}>${inner}</${name}>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

const read = (name: string) => pemOf(readFileSync(join(import.meta.dirname, name), 'utf8'))
/** A line for who finds the file stands before it. */
const pemOf = (text: string) => text.slice(text.indexOf('-----BEGIN'))
let demo: { readonly key: string; readonly certificate: string } | null = null

export function demoSigner(): { readonly key: string; readonly certificate: string } {
  demo ??= { key: read('demo-facility.key'), certificate: read('demo-facility.pem') }
  return demo
}

/** As a facility's program signs it: XMLDSig, enveloped, RSA with SHA-256, the certificate beside it. */
export function signed(xml: string, signer = demoSigner(), digest = 'http://www.w3.org/2001/04/xmlenc#sha256'): string {
  const signature = new SignedXml({
    privateKey: signer.key,
    publicCert: signer.certificate,
    signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
  })
  signature.addReference({
    xpath: '/*',
    uri: '',
    isEmptyUri: true,
    transforms: [
      'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
      'http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
    ],
    digestAlgorithm: digest,
  })
  signature.computeSignature(xml, { location: { reference: '//CHUKYDONVI', action: 'append' } })
  return signature.getSignedXml()
}
