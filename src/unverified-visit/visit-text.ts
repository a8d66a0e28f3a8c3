import type { Texts } from '../entitlement/decision-text.ts'

export type VisitStatus = 'open' | 'checked' | 'gaveUp' | 'superseded'

/** What the desk and the developer do about each status. Admission never waits for any of them (NĐ 188/2025 Đ38). */
export function textsOfVisit(status: VisitStatus, hasEvidence: boolean): Texts {
  return status === 'open' && !hasEvidence ? OPEN_WITHOUT_EVIDENCE : TEXTS[status]
}

const TEXTS: Readonly<Record<VisitStatus, Texts>> = {
  open: {
    desk: 'Đã ghi nhận lượt khám chưa tra cứu được thẻ. Vẫn tiếp nhận người bệnh. Hệ thống tự tra cứu lại.',
    integrator: 'Recorded and looked up again automatically. GET this id for the outcome; see `nextCheckAt`.',
  },
  checked: {
    desk: 'Đã tra cứu lại được. Xem kết quả tra cứu.',
    integrator: 'Looked up since: `outcome` is the verification, with an id and a check code of its own for the claim.',
  },
  gaveUp: {
    desk: 'Hết thời hạn vẫn chưa tra cứu được. Gửi cơ quan BHXH hồ sơ theo Điều 38 Nghị định 188/2025/NĐ-CP.',
    integrator: 'Given up at `closesAt`. Send VSS the record of `legalRecord` with what it says is missing.',
  },
  superseded: {
    desk: 'Đã có bản ghi mới hơn của lượt khám này. Xem bản ghi đó.',
    integrator: 'A later entry of the same visit stands for this one: see `supersededBy`.',
  },
}

const OPEN_WITHOUT_EVIDENCE: Texts = {
  desk: 'Đã ghi nhận lượt khám chưa tra cứu được thẻ. Vẫn tiếp nhận người bệnh. Quét căn cước hoặc nhập họ tên, ngày sinh rồi gửi lại để hệ thống tự tra cứu.',
  integrator:
    'Recorded, but a number alone is never looked up: whether it exists is told to nobody. POST the same visitId with `evidence`.',
}
