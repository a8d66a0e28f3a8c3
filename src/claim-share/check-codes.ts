import { z } from 'zod'
import { isCheckCodeOf, readCheckCode } from '../audit/check-code.ts'
import { LOG_ID } from '../audit/log.ts'
import { type DataKeys, everyNameOf, type LookupKey, type Pseudonym, pseudonym } from '../data-keys.ts'
import type { Scope } from '../scope.ts'
import type { QuotedCheck } from './details.ts'
import type { FindingCode } from './dossier/finding.ts'
import { findCheckEntries } from './store.ts'

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
 */
export async function checkCodes(
  scope: Scope,
  facility: string,
  codes: readonly string[],
  names: readonly LookupKey[],
): Promise<CheckedCodes> {
  const { dataKeys } = scope.service
  const places = codes.map((code) => (CODE.test(code) ? readCheckCode(code) : null))
  const indexes = [...new Set(places.flatMap((place) => (place === null ? [] : [place.index])))]
  const entries = indexes.length === 0 ? new Map() : await scope.query((sql) => findCheckEntries(sql, LOG_ID, indexes))
  const quoted: QuotedCheck[] = []
  const faults: FindingCode[] = []
  for (const [n, code] of codes.entries()) {
    const index = places[n]?.index ?? -1
    const entry = entries.get(index)
    const body = entry === undefined ? null : bodySchema.parse(JSON.parse(entry.body))
    const isCheck = body?.kind === 'verification' || body?.kind === 'unverifiedVisit'
    const deed = { logId: LOG_ID, index, facility }
    const year = Number(body?.recordedAt.slice(0, 4))
    const isOf = (person: Pseudonym) => isCheckCodeOf(dataKeys, code, { ...deed, person })
    if (entry === undefined || body?.facility !== facility || !isCheck) faults.push('check_code_not_genuine')
    else if (names.some((name) => isOf(pseudonym(dataKeys, year, name)))) {
      quoted.push({ code, index })
      continue
    } else if (entry.subject !== null && isOf(entry.subject)) faults.push('check_code_other_person')
    else faults.push('check_code_not_genuine')
    quoted.push({ code: CODE.test(code) ? code : '', index: null })
  }
  return { quoted, faults }
}

/** Under every generation of the lookup key: a check may be from before a rotation. */
export function namesEver(keys: DataKeys, numbers: readonly string[], subject: LookupKey | null): LookupKey[] {
  const names = numbers.flatMap((number) => everyNameOf(keys, number))
  return [...new Set(subject === null ? names : [subject, ...names])]
}
