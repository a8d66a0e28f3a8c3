import { DEMO_AGREEMENT } from '../../mocks/population-registry/start.ts'
import { isoDate } from '../../src/calendar.ts'
import { parseBirthDate } from '../../src/identity/birth-date.ts'
import { parseCitizenId } from '../../src/identity/citizen-id.ts'
import { parseFullName } from '../../src/identity/name.ts'
import { agreementSchema } from '../../src/population/agreement.ts'
import type { RegistryQuestion } from '../../src/population/messages.ts'

export const AGREEMENT = agreementSchema.parse(DEMO_AGREEMENT)
export const NUMBER = '038090001234'
export const REGISTERED = { fullName: 'Nguyễn Văn An', dateOfBirth: '1990-01-15' }

/** About a man whom the registry of the tests knows, unless told otherwise. */
export function question(
  of: { fullName?: string; dateOfBirth?: string; number?: string; officer?: string } = {},
): RegistryQuestion {
  const citizenId = parseCitizenId(of.number ?? NUMBER)
  const fullName = parseFullName(of.fullName ?? REGISTERED.fullName)
  const birthDate = parseBirthDate(of.dateOfBirth ?? REGISTERED.dateOfBirth, isoDate('2026-11-24'))
  if (!citizenId.ok || !fullName.ok || !birthDate.ok) throw new TypeError('not a person')
  return {
    transactionId: crypto.randomUUID(),
    officer: of.officer ?? 'NV-0042',
    citizenId: citizenId.value,
    fullName: fullName.value,
    birthDate: birthDate.value,
  }
}
