/** A file as a facility's software would make it, as far as the gateway's door looks at it; `note` tells its versions apart. */
export function claimFile(facility: string, maLk: string, note = ''): string {
  const table = `<TONG_HOP><MA_LK>${maLk}</MA_LK><GHI_CHU>${note}</GHI_CHU><MA_CSKCB>${facility}</MA_CSKCB></TONG_HOP>`
  return [
    '<?xml version="1.0" encoding="utf-8"?><GIAMDINHHS><THONGTINDONVI>',
    `<MACSKCB>${facility}</MACSKCB></THONGTINDONVI><THONGTINHOSO><SOLUONGHOSO>1</SOLUONGHOSO><DANHSACHHOSO><HOSO>`,
    `<FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>${Buffer.from(table).toString('base64')}</NOIDUNGFILE></FILEHOSO>`,
    '</HOSO></DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI>…</CHUKYDONVI></GIAMDINHHS>',
  ].join('')
}

export function checkInFile(facility: string, maLk: string, note = ''): string {
  return `<CHI_TIEU_TRANG_THAI_KCB><DSACH_TRANG_THAI_KCB><TRANG_THAI_KCB><MA_LK>${maLk}</MA_LK><DU_PHONG>${note}</DU_PHONG><MA_CSKCB>${facility}</MA_CSKCB></TRANG_THAI_KCB></DSACH_TRANG_THAI_KCB><CHUKYDONVI/></CHI_TIEU_TRANG_THAI_KCB>`
}
