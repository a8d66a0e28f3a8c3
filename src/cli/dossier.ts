import { checkInFile, claimFile, signed } from '../../mocks/dossier/file.ts'
import { checkInTables, claimTables } from '../../mocks/dossier/visit.ts'
import { facilities } from '../../mocks/province/facilities.ts'
import { peopleByScan } from '../../mocks/province/sampling.ts'
import { todayInVietnam } from '../calendar.ts'
import { readArguments } from './arguments.ts'
import { readDemo } from './sample.ts'
import { UsageError } from './usage-error.ts'

const OPTIONS = {
  facility: { type: 'string', default: '38001' },
  visit: { type: 'string', default: 'demo-1' },
  data: { type: 'string', default: '.kiemthe' },
  'check-in': { type: 'boolean', default: false },
  hiv: { type: 'boolean', default: false },
} as const

/**
 * `kiemthe dossier`: one made-up visit of somebody of the demo province as a facility's program would write it, signed by a
 * demo key. For a first share by curl; needs no database. `--visit` is its MA_LK: another one is another visit.
 */
export async function dossier(args: string[]): Promise<void> {
  const { facility, visit, data, 'check-in': checkIn, hiv } = readArguments(args, OPTIONS).values
  if (!facilities().some(({ code }) => code === facility)) {
    throw new UsageError(`--facility ${facility}: none of the demo province`)
  }
  if (!/^[\w.-]{1,100}$/.test(visit)) throw new UsageError('--visit: 1 to 100 of A-Z a-z 0-9 _ . -')
  const { seed, baseDate, cards } = await readDemo(data)
  const [someone] = peopleByScan({ province: { seed, baseDate }, records: cards }, 'valid')
  if (someone === undefined) throw new UsageError('the province has nobody with a valid card')
  const day = todayInVietnam(new Date())
  const about = { facility, visitId: visit, day, seed: String(seed), hiv }
  const file = checkIn
    ? checkInFile(checkInTables(someone, about))
    : claimFile(claimTables(someone, about), facility, day.replaceAll('-', ''))
  process.stdout.write(`${signed(file)}\n`)
}
