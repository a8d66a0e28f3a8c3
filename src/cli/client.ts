import { type AccessScope, readClientId } from '../access/principal.ts'
import { findClientScopes } from '../access/store.ts'
import type { Sql } from '../db/connect.ts'
import { readArguments } from './arguments.ts'
import { asOwner, codesExpireAt, type KeyOwner, makeKey, openCode, revoke } from './client-keys.ts'
import { DATA_FOLDER } from './data-folder.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 'client add | rotate-key | revoke feed:NAME | auditor:NAME | ops:NAME'

type Named = Pick<KeyOwner, 'clientId' | 'facility'> & { readonly role: 'auditor' | 'feed' | 'ops' }

/**
 * `kiemthe client`, as the database's owner: whoever is no facility (`kiemthe facility` is for those). As there, `add` and
 * `rotate-key` print a one-time code by which the client registers a key of its own (`kiemthe enrol`), with --out the pair
 * is made here, and `revoke` ends all keys or, with --key, one. HIV data only for who is given them by name (Luật HIV Đ30):
 * `add auditor:NAME --hiv`; `add` again without it takes that away from tokens to come.
 */
export async function client(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(
    args,
    {
      data: { type: 'string', default: DATA_FOLDER },
      out: { type: 'string' },
      key: { type: 'string' },
      hiv: { type: 'boolean', default: false },
    },
    true,
  )
  const [verb, text = '', ...more] = positionals
  const named = nameOf(text)
  if (named === null || more.length > 0) throw new UsageError(USAGE)
  if (values.hiv && (verb !== 'add' || named.role !== 'auditor')) {
    throw new UsageError('--hiv is for `client add auditor:NAME`')
  }
  if (values.key !== undefined && verb !== 'revoke') throw new UsageError('--key is for `client revoke`')
  await asOwner(values.data, 'client', async (sql, keys) => {
    if (verb === 'revoke') return revoke(sql, keys, named, values.key ?? null)
    if (verb !== 'add' && verb !== 'rotate-key') throw new UsageError(USAGE)
    const scopes = verb === 'add' ? scopesOf(named, values.hiv) : await heldScopes(sql, named)
    const owner = { ...named, scopes }
    if (values.out !== undefined) return makeKey(sql, keys, owner, values.out)
    const expiresAt = codesExpireAt()
    process.stdout.write(`${named.clientId}\t${await openCode(sql, keys, owner, expiresAt)}\n`)
    process.stderr.write(`1 code for one key, until ${expiresAt.toISOString()}; not shown again\n`)
  })
}

function nameOf(text: string): Named | null {
  const read = readClientId(text)
  if (read === null || read.role === 'facility') return null
  return { clientId: read.clientId, role: read.role, facility: null }
}

/** The least that its work needs. */
function scopesOf({ role }: Named, hiv: boolean): readonly AccessScope[] {
  switch (role) {
    case 'auditor':
      return hiv ? ['audit', 'audit:hiv'] : ['audit']
    case 'feed':
      return ['sync']
    case 'ops':
      return ['ops']
  }
}

/** A new key changes nothing of what its client may do. */
async function heldScopes(sql: Sql, { clientId }: Named): Promise<readonly AccessScope[]> {
  const scopes = await findClientScopes(sql, clientId)
  if (scopes === null) throw new UsageError(`there is no client ${clientId}; \`client add\` makes it`)
  return scopes
}
