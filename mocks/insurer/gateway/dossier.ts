/** What a gateway reads off a file at its door: that it is XML of the right kind, and whose visit it is. */
export type DossierSeen =
  | { readonly ok: true; readonly maLk: string; readonly maCskcb: string }
  | { readonly ok: false; readonly maKetQua: '201' | '202'; readonly maLoi: string; readonly moTaLoi: string }

const wrongShape = (moTaLoi: string): DossierSeen => ({ ok: false, maKetQua: '201', maLoi: 'XML', moTaLoi })
const wrongContent = (maLoi: string, moTaLoi: string): DossierSeen => ({ ok: false, maKetQua: '202', maLoi, moTaLoi })

/** One visit: XML0 by itself, or the envelope `GIAMDINHHS` with XML1 in base64 (QĐ 3176). The assessment comes days later. */
export function readDossier(bytes: Buffer, loaiHoSo: string): DossierSeen {
  const text = bytes.toString('utf8')
  const wanted = loaiHoSo === '0' ? 'CHI_TIEU_TRANG_THAI_KCB' : 'GIAMDINHHS'
  if (!/^\uFEFF?\s*<(?:\?xml|[A-Za-z])/.test(text)) return wrongShape('Tệp không phải XML')
  if (!text.includes(`<${wanted}`) || !text.includes(`</${wanted}>`)) return wrongShape(`Không có thẻ ${wanted}`)
  const table = loaiHoSo === '0' ? text : firstTable(text)
  if (table === null) return wrongContent('XML1', 'Thiếu bảng XML1')
  const maLk = element(table, 'MA_LK')
  if (maLk === '' || maLk.length > 100) return wrongContent('MA_LK', 'MA_LK trống hoặc dài quá 100 ký tự')
  return { ok: true, maLk, maCskcb: element(table, 'MA_CSKCB') }
}

function firstTable(envelope: string): string | null {
  for (const [, file = ''] of envelope.matchAll(/<FILEHOSO>([\s\S]*?)<\/FILEHOSO>/g)) {
    if (element(file, 'LOAIHOSO') !== 'XML1') continue
    return Buffer.from(element(file, 'NOIDUNGFILE'), 'base64').toString('utf8')
  }
  return null
}

function element(text: string, name: string): string {
  const found = new RegExp(`<${name}>(?:<!\\[CDATA\\[)?([^<\\]]*)(?:\\]\\]>)?</${name}>`).exec(text)
  return found?.[1]?.trim() ?? ''
}
