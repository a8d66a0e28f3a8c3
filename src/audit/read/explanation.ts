import type { EntryKind } from '../entry.ts'

/** What an entry is, for a court: in Vietnamese, from the open part alone. */
const KINDS: Partial<Record<EntryKind, string>> = {
  verification: 'một lần tra cứu thẻ bảo hiểm y tế',
  unverifiedVisit: 'một lượt khám chưa tra cứu được (NĐ 188/2025 Điều 38)',
  unverifiedVisitClosed: 'việc kết thúc tra cứu lại của một lượt khám chưa tra cứu được',
  claimShare: 'một hồ sơ thanh toán do cơ sở chia sẻ',
  claimDelivery: 'một bước gửi hồ sơ thanh toán tới cơ quan bảo hiểm xã hội',
  auditRead: 'một lần kiểm toán viên đọc dữ liệu',
  erasure: 'một lần xóa dữ liệu cá nhân theo yêu cầu',
}
const DECISIONS: Readonly<Record<string, string>> = {
  entitled: 'được hưởng bảo hiểm y tế vào ngày khám',
  notEntitled: 'không được hưởng bảo hiểm y tế vào ngày khám',
  undetermined: 'chưa xác định được quyền lợi',
}

export interface Explained {
  readonly index: number
  readonly origin: string
  /** Of the checkpoint that it is proven by; null: none that is left holds it. */
  readonly size: number | null
  readonly successor: number | null
  readonly body: string
  readonly isErased: boolean
}

export function explanation({ index, origin, size, successor, body, isErased }: Explained): string {
  const { recordedAt, kind, facility, outcome } = JSON.parse(body) as {
    recordedAt: string
    kind: EntryKind
    facility: string | null
    outcome: Readonly<Record<string, unknown>>
  }
  const decision = DECISIONS[String(outcome['decision'])]
  return [
    `Bản ghi số ${index} của sổ ghi ${origin} là ${KINDS[kind] ?? `một bản ghi loại ${kind}`}${facility === null ? '' : ` của cơ sở ${facility}`}, ghi lúc ${inVietnam(recordedAt)} (giờ Việt Nam).`,
    ...(decision === undefined ? [] : [`Kết quả: ${decision} (mã ${String(outcome['code'])}).`]),
    'Cách kiểm chứng, không cần hỏi ai:',
    '1. leafHash là SHA-256 của byte 0x00 nối với nội dung (body) đúng từng ký tự.',
    isErased
      ? '2. Phần chi tiết đã được xóa theo quy định về dữ liệu cá nhân; bản ghi và bằng chứng vẫn nguyên vẹn.'
      : '2. Trường details trong nội dung là SHA-256 của salt nối với phần chi tiết (details.text): chi tiết đưa ra đúng là chi tiết đã ghi.',
    ...(size === null
      ? [
          `3. Sổ này đã kết thúc trước khi bản ghi được đưa vào một checkpoint còn giữ được, nên không có proof. Bản ghi số 0 của sổ kế tiếp (sổ số ${successor}, formerSize và formerRoot) ghi gốc của toàn bộ sổ này: lấy toàn bộ sổ (lệnh: kiemthe export), tính lại gốc và so sánh.`,
        ]
      : [
          `3. proof dẫn từ bản ghi tới gốc của sổ gồm ${size} bản ghi; gốc đó được ký trong checkpoint, kèm chữ ký của bên làm chứng nếu có.`,
        ]),
    '4. Chữ ký được kiểm tra bằng khóa đã nhận trước đó qua đường khác, không chỉ bằng khóa trong tài liệu này (lệnh: kiemthe verify-proof).',
    'Sổ chỉ ghi thêm: không ai, kể cả đơn vị vận hành, sửa hay bỏ được một bản ghi mà không bị phát hiện.',
  ].join('\n')
}

const OFFSET_MS = 7 * 3_600_000

/** `24/11/2026 08:15:02`. */
function inVietnam(instant: string): string {
  const [date = '', time = ''] = new Date(Date.parse(instant) + OFFSET_MS).toISOString().split('T')
  const [year, month, day] = date.split('-')
  return `${day}/${month}/${year} ${time.slice(0, 8)}`
}
