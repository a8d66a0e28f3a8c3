import type { Ask } from '../../loadtest/keyed-load.ts'
import type { Person } from '../../mocks/province/person.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { todayInVietnam } from '../../src/calendar.ts'

/** Scans of these people in turn, each under a key of its own. */
export function asksOf(people: readonly Person[], name: string) {
  const serviceDate = todayInVietnam(new Date())
  const bodies = people.map((someone) =>
    JSON.stringify({ evidence: { kind: 'chipIdQr', text: chipIdQrText(someone) }, serviceDate, purpose: 'arrival' }),
  )
  return (n: number): Ask => ({
    key: `${name}-${n}`,
    client: 'facility:38001',
    body: bodies[n % bodies.length] ?? '',
  })
}
