import { readFile } from 'node:fs/promises'
import { readLogs } from '../audit/succession/store.ts'
import { numberIn } from '../audit/succession/successor.ts'
import { latestOf } from '../audit/witness/client.ts'
import { type Policy, PolicyInvalid, readPolicy } from '../audit/witness/policy.ts'
import { ConfigError } from '../config.ts'
import type { Query } from '../db/pool.ts'
import { endBeside } from './log-mark.ts'

/** Once, before the first request: a witness that is down costs a start this long, and the sealer asks it again anyway. */
const DEADLINE_MS = 3_000

export async function readPolicyFile(path: string): Promise<Policy> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new ConfigError([`WITNESS_POLICY_FILE: there is no file ${path}`]) : error
  })
  try {
    return readPolicy(text)
  } catch (error) {
    if (!(error instanceof PolicyInvalid)) throw error
    throw new ConfigError([`WITNESS_POLICY_FILE: ${path}: ${error.message}`])
  }
}

/**
 * Why a host must not append to this log: a witness shows a checkpoint, signed by the log, of more entries than there are.
 * Empty when it may; a witness that is silent, or shows nothing that the log signed, does not keep desks from opening.
 */
export async function behindWitnesses(query: Query, policyFile: string): Promise<string[]> {
  const { witnesses, logs } = await readPolicyFile(policyFile)
  const here = await query(readLogs)
  const log = here.at(-1)
  if (log === undefined) return []
  // a successor that the policy knows and this database does not: the backup is older than it
  const isLater = (name: string) => (numberIn(name, log.origin) ?? 0) > log.logId
  const origins = [...new Set([log.origin, ...logs.map(({ name }) => name).filter(isLater)])]
  const known = await Promise.all(
    witnesses.flatMap(({ name, url }) =>
      origins.map(async (origin) => {
        if (url === null) return null
        const signal = AbortSignal.timeout(DEADLINE_MS)
        const keys = logs.filter((each) => each.name === origin)
        const latest = await latestOf(url, origin, keys, signal).catch(() => null)
        return latest === null ? null : { name, size: latest.size, origin }
      }),
    ),
  )
  const { size } = await endBeside(query, null) // after them: the log grows meanwhile
  return known.flatMap((each) =>
    each === null || (each.origin === log.origin && each.size <= size)
      ? []
      : [
          each.origin === log.origin
            ? `logBehindWitness: the log has ${size} entries, witness ${each.name} cosigned ${each.size}: was an older backup restored?`
            : `logBehindWitness: witness ${each.name} knows the successor ${each.origin}: was an older backup restored?`,
          '  restore a newer one; or, when the missing entries are lost for good: kiemthe log succeed --reason "…"',
        ],
  )
}
