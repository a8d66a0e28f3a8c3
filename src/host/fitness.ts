import { openLogin } from '../claim-share/send/login.ts'
import { anyLogin, maySend } from '../claim-share/send/store.ts'
import { anySubject, findSealed, openRead } from '../coverage/store.ts'
import { type DataKeys, namesOf } from '../data-keys.ts'
import type { Query } from '../db/pool.ts'
import { mayBringIn, oddSession, powersOverTheLog } from '../db/readiness.ts'
import { APP_ROLE, SENDER_ROLE, SYNC_ROLE } from '../db/roles.ts'

/**
 * Why a host must not serve on this database with these keys: a line each, for its operator; empty when it may. Asked
 * before the first request is answered, not at it.
 */
export async function unfitness(query: Query, dataKeys: DataKeys, role: string = APP_ROLE): Promise<string[]> {
  const problems = await oddRole(query, role)
  return problems.length > 0 ? problems : foreignKeys(query, dataKeys)
}

async function oddRole(query: Query, role: string): Promise<string[]> {
  const [powers, session] = await Promise.all([query(powersOverTheLog), query(oddSession)])
  if (powers.length > 0) {
    return [
      `the database role could change the log; use ${role} (made by \`kiemthe migrate\`):`,
      ...powers.map((power) => `  ${power}`),
    ]
  }
  if (session !== null) {
    return [
      `the database's session has ${session}, not UTC and ISO: times would be read wrongly`,
      `  take it out of DATABASE_URL; or: alter role ${role} set timezone to 'UTC' (as \`kiemthe migrate\` does)`,
    ]
  }
  return []
}

/** The same of whoever brings the feed in. */
export async function syncUnfitness(query: Query, dataKeys: DataKeys): Promise<string[]> {
  const problems = await unfitness(query, dataKeys, SYNC_ROLE)
  if (problems.length > 0 || (await query(mayBringIn))) return problems
  return [`the database role cannot bring batches in; use ${SYNC_ROLE} (made by \`kiemthe migrate\`)`]
}

/** And of whoever sends claims, who sees no insurance record: an account has to open. */
export async function senderUnfitness(query: Query, dataKeys: DataKeys): Promise<string[]> {
  const problems = await oddRole(query, SENDER_ROLE)
  if (problems.length > 0) return problems
  if (!(await query(maySend))) {
    return [`the database role cannot send claims; use ${SENDER_ROLE} (made by \`kiemthe migrate\`)`]
  }
  const login = await query(anyLogin)
  try {
    if (login !== null) openLogin(dataKeys, login.facility, login.sealed)
    return []
  } catch {
    return ['the data keys are not those that this database was sealed with']
  }
}

/** Under other keys nobody would be found, and a feed would be taken for other people. Empty when they are the copy's. */
export async function foreignKeys(query: Query, dataKeys: DataKeys): Promise<string[]> {
  const subject = await query(anySubject)
  if (subject === null) return []
  const [read] = await query((sql) => findSealed(sql, [[subject]]))
  try {
    if (read === undefined) return []
    const { subject, coverages } = openRead(dataKeys, read)
    // a wrong look-up key opens every row and finds none: everybody would be told that there is no record
    const citizenId = coverages[0]?.holder.citizenId ?? null
    if (citizenId === null || namesOf(dataKeys, citizenId).some((name) => name === subject)) return []
  } catch {
    // told below
  }
  return ['the data keys are not those that this database was sealed with']
}
