import { addDays, type IsoDate } from '../../src/calendar.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import { changingIndex, countChanging } from '../province/changing.ts'
import { type Province, person, rowsOf } from '../province/person.ts'

/** A line of a delta. */
export type Operation =
  | ({ readonly op: 'put' } & FeedRow)
  | {
      readonly op: 'remove'
      readonly citizenId: string | null
      readonly insuranceNumber: string
      readonly coverageNo: number
    }

export interface DailyPlan {
  readonly province: Province
  /** Records of the full feed the days begin with. */
  readonly records: number
  /** Records touched in a day. */
  readonly changes: number
  /** `changing`: those alone whom no sample has. */
  readonly people: 'all' | 'changing'
}

/** Coverages that a day adds to people who have one or two already. */
const RENEWED_NO = 3
const REPLACED_NO = 4
/** Odd, and no power of a small prime: steps through any number of records once before it comes back. */
const STRIDE = 7_368_787

/**
 * What changed on one day, 1 the day after the full feed: pure, the same for the same plan and day. Over days every record
 * is touched once before any is again. In twenty: 6 renewals, 4 moves, 3 ends, 2 revocations, 2 replacements, 2 births,
 * 1 record taken away. `date` is when it took effect: a demo's days last a minute.
 */
export function* dailyOperations(
  plan: DailyPlan,
  day: number,
  date = addDays(plan.province.baseDate, day),
): Generator<Operation> {
  const { province, records, changes, people } = plan
  const many = people === 'all' ? records : countChanging(records)
  const stride = coprime(STRIDE % many || 1, many)
  for (let i = 0; i < changes; i++) {
    const turn = (day - 1) * changes + i
    const at = Number((BigInt(turn) * BigInt(stride)) % BigInt(many))
    const row = people === 'all' ? rowsOf(province, at, at + 1)[0] : person(province, changingIndex(at)).coverages[0]
    if (row !== undefined) yield* operationsOf(plan, row, turn, date)
  }
}

function* operationsOf(
  { province, records }: DailyPlan,
  row: FeedRow,
  turn: number,
  date: IsoDate,
): Generator<Operation> {
  const kind = turn % 20
  if (kind < 6)
    yield put({
      ...row,
      coverageNo: RENEWED_NO,
      validFrom: date,
      validTo: addDays(date, 364),
      status: 'active',
      statusFrom: null,
    })
  else if (kind < 8) yield put({ ...row, status: 'movedOut', statusFrom: date })
  else if (kind < 10) yield put({ ...row, registeredFacility: row.registeredFacility === '38002' ? '38003' : '38002' })
  else if (kind < 13) yield put({ ...row, status: 'stopped', statusFrom: date })
  else if (kind < 15) yield put({ ...row, status: 'revoked', statusFrom: date })
  else if (kind < 17) {
    yield put({ ...row, status: 'replaced', statusFrom: date })
    const cardNumber = `GD4${row.cardNumber.slice(3)}`
    yield put({
      ...row,
      coverageNo: REPLACED_NO,
      cardNumber,
      validFrom: date,
      validTo: addDays(date, 364),
      status: 'active',
      statusFrom: null,
    })
  } else if (kind < 19) {
    // people of the province beyond its records: born, or come from elsewhere
    const born = rowsOf(province, records + turn, records + turn + 1)[0]
    if (born !== undefined) yield put(born)
  } else
    yield { op: 'remove', citizenId: row.citizenId, insuranceNumber: row.insuranceNumber, coverageNo: row.coverageNo }
}

function put(row: FeedRow): Operation {
  return { op: 'put', ...row }
}

function coprime(stride: number, records: number): number {
  let each = stride
  while (greatestDivisor(each, records) !== 1) each++
  return each
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b)
}
