import { maskCardNumber, parseCardNumber } from '../coverage/card-number.ts'
import type { Failed } from './details.ts'

/** One line of the record, in both languages. */
interface Line {
  readonly name: string
  readonly vi: string
  readonly en: string
}

export interface FilledLine extends Line {
  readonly value: string | readonly string[] | readonly Failed[]
}

export interface LegalRecord {
  readonly basis: string
  readonly vi: string
  readonly en: string
  /** What is known here. */
  readonly filled: readonly FilledLine[]
  /** What only the facility can add. */
  readonly toAdd: readonly Line[]
}

export interface RecordedFacts {
  readonly facility: string
  readonly visitId: string
  readonly presentedAt: string
  readonly claimedNumber: string | null
  readonly failures: readonly Failed[]
  readonly attempts: readonly string[]
  readonly checkCode: string
  readonly entry: string
}

/** What NĐ 188/2025 Đ38 k2 wants sent to VSS when the look-up still fails at the end of the visit. */
export function legalRecord(facts: RecordedFacts): LegalRecord {
  const filled: FilledLine[] = [
    { name: 'facility', vi: 'Mã cơ sở khám bệnh, chữa bệnh', en: 'Facility code', value: facts.facility },
    { name: 'visitId', vi: 'Mã lượt khám (MA_LK)', en: 'Visit id (MA_LK)', value: facts.visitId },
    {
      name: 'presentedAt',
      vi: 'Thời điểm xuất trình thẻ',
      en: 'When entitlement was presented',
      value: facts.presentedAt,
    },
    {
      name: 'failures',
      vi: 'Các lần tra cứu lỗi tại cơ sở',
      en: 'Failed look-ups at the facility',
      value: facts.failures,
    },
    {
      name: 'attempts',
      vi: 'Các lần hệ thống tra cứu lại',
      en: 'Look-ups repeated by this service',
      value: facts.attempts,
    },
    { name: 'checkCode', vi: 'Mã kiểm tra của bản ghi', en: 'Check code of the entry', value: facts.checkCode },
    { name: 'entry', vi: 'Số bản ghi trong nhật ký', en: 'Entry of the log', value: facts.entry },
  ]
  const toAdd: Line[] = [
    {
      name: 'contact',
      vi: 'Người liên hệ của cơ sở: họ tên, số điện thoại, thư điện tử',
      en: 'Contact at the facility: name, telephone, e-mail',
    },
    {
      name: 'screenshot',
      vi: 'Ảnh chụp màn hình báo lỗi khi tra cứu',
      en: 'Screenshot of the failed look-up',
    },
  ]
  const number: Line = { name: 'claimedNumber', vi: 'Số thẻ người bệnh cung cấp', en: 'Number the patient gave' }
  if (facts.claimedNumber === null) toAdd.unshift(number)
  else filled.splice(3, 0, { ...number, value: masked(facts.claimedNumber) })
  return {
    basis: 'Khoản 2 Điều 38 Nghị định 188/2025/NĐ-CP',
    vi: 'Vẫn tiếp nhận người bệnh. Đến khi kết thúc lượt khám mà chưa tra cứu được: gửi cơ quan BHXH hồ sơ này, bổ sung các mục còn thiếu.',
    en: 'The patient is admitted all the same. If the look-up still fails when the visit ends: send VSS this record with what is to be added.',
    filled,
    toAdd,
  }
}

/** `GD438********45`; of another number the first three and the last four, of a short one nothing (domain §10.10). */
function masked(number: string): string {
  const bare = number.replace(/[ .-]/g, '')
  const card = parseCardNumber(bare)
  if (card.ok) return maskCardNumber(card.value)
  if (bare.length < 10) return '*'.repeat(bare.length)
  return `${bare.slice(0, 3)}${'*'.repeat(bare.length - 7)}${bare.slice(-4)}`
}
