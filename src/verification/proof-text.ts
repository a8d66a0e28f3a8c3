import type { IsoDate } from '../calendar.ts'
import type { Assurance } from '../identity/assurance.ts'
import { birthProvinceOn } from '../identity/province.ts'
import type { Method } from './policy.ts'

/** How the person was proven, in the desk's words: the same in each answer, whatever it decides. */
export function proofText({ method, assurance }: { readonly method: Method; readonly assurance: Assurance }): string {
  switch (assurance) {
    case 'chipAuthenticated':
      return 'Danh tính: chip căn cước đã được xác thực.'
    case 'chipSigned':
      return 'Danh tính: dữ liệu chip có chữ ký hợp lệ, chưa xác thực chip tại quầy.'
    case 'unsigned':
      return `Danh tính: theo ${SHOWN[method]}, chưa xác thực.`
  }
}

const SHOWN: Readonly<Record<Method, string>> = {
  chipIdQr: 'mã QR trên căn cước',
  chipIdMrz: 'MRZ trên căn cước',
  chipIdTyped: 'số căn cước nhập tay',
  insuranceCard: 'thẻ BHYT nhập tay',
  insuranceCardQr: 'mã QR trên thẻ BHYT',
  document: 'giấy tờ nhập tay',
}

/** Beside "another province may have issued the card": which one to think of first. Not the insurer's word, but the number's. */
export function elsewhereText(provinceCode: string, day: IsoDate): string {
  const name = birthProvinceOn(provinceCode, day)
  return name === null ? '' : `Số định danh đăng ký khai sinh tại ${name}.`
}
