import { z } from 'zod'
import { isCheckCodeOf, readCheckCode } from '../audit/check-code.ts'
import { placeOf } from '../audit/log-id.ts'
import { type DataKeys, everyNameOf, type LookupKey, type Pseudonym, pseudonym } from '../data-keys.ts'
import type { Scope } from '../scope.ts'
import type { QuotedCheck } from './details.ts'
import type { FindingCode } from './dossier/finding.ts'
import { type CheckEntry, findCheckEntries } from './store.ts'

/** A code that is typed has 11 characters; what is no code is not kept. */
const CODE = /^[0-9A-Za-z-]{10,16}$/

const bodySchema = z.object({ kind: z.string(), facility: z.string().nullable(), recordedAt: z.string() })

export interface CheckedCodes {
  readonly quoted: readonly QuotedCheck[]
  readonly faults: readonly FindingCode[]
}

/**
 * Which of the codes a claim quotes are of checks of this facility and of this person. `names`: all that the person may
 * have been called by when they were checked. Each verdict is a finding, none refuses: the claim goes to the insurer anyway,
 * and that a code was wrong is what auditors want to know. What is not ours to tell: whether another facility has it.
 * A code says the index and not the log: it is of the newest log where it fits.
 */
export async function checkCodes(
  scope: Scope,
  facility: string,
  codes: readonly string[],
  names: readonly LookupKey[],
): Promise<CheckedCodes> {
  const { dataKeys } = scope.service
  const read = codes.map((code) => (CODE.test(code) ? readCheckCode(code) : null))
  const indexes = [...new Set(read.flatMap((each) => (each === null ? [] : [each.index])))]
  const entries = indexes.length === 0 ? [] : await scope.query((sql) => findCheckEntries(sql, indexes))
  const quoted: QuotedCheck[] = []
  const faults: FindingCode[] = []
  for (const [n, code] of codes.entries()) {
    const there = entries.filter(({ index }) => index === read[n]?.index)
    const verdicts = there.map((entry) => judge(dataKeys, facility, code, names, entry))
    const genuine = there[verdicts.indexOf('genuine')]
    if (genuine !== undefined) {
      const isVisit = bodySchema.parse(JSON.parse(genuine.body)).kind === 'unverifiedVisit'
      quoted.push({ code, index: placeOf(genuine), ...(isVisit ? { unverified: true } : {}) })
      continue
    }
    faults.push(verdicts.includes('otherPerson') ? 'check_code_other_person' : 'check_code_not_genuine')
    quoted.push({ code: CODE.test(code) ? code : '', index: null })
  }
  return { quoted, faults }
}

function judge(
  keys: DataKeys,
  facility: string,
  code: string,
  names: readonly LookupKey[],
  { logId, index, body, subject }: CheckEntry,
): 'genuine' | 'otherPerson' | 'notGenuine' {
  const { kind, facility: recordedBy, recordedAt } = bodySchema.parse(JSON.parse(body))
  const isCheck = kind === 'verification' || kind === 'unverifiedVisit'
  if (!isCheck || recordedBy !== facility) return 'notGenuine'
  const year = Number(recordedAt.slice(0, 4))
  const isOf = (person: Pseudonym) => isCheckCodeOf(keys, code, { logId, index, facility, person })
  if (names.some((name) => isOf(pseudonym(keys, year, name)))) return 'genuine'
  return subject !== null && isOf(subject) ? 'otherPerson' : 'notGenuine'
}

/** Under every generation of the lookup key: a check may be from before a rotation. */
export function namesEver(keys: DataKeys, numbers: readonly string[], subject: LookupKey | null): LookupKey[] {
  const names = numbers.flatMap((number) => everyNameOf(keys, number))
  return [...new Set(subject === null ? names : [subject, ...names])]
}
