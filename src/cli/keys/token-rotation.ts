import { TOKEN_LIFE_SECONDS } from '../../access/access-token.ts'
import type { TokenKeysFile } from '../../access/token-keys.ts'
import { KEYS_CACHE_SECONDS } from '../../http/token.ts'
import { PICK_UP_MS, type Waiting } from './waiting.ts'

/**
 * The file holds the whole story: the order of its keys, and the last step with its time. Each move is one file
 * replaced by another, so a kill leaves the one or the other.
 */
export type TokenMove = 'add' | 'promote' | 'retire'

/** What comes next, and when at the earliest. */
export function nextTokenMove({ rotation }: TokenKeysFile): Waiting<TokenMove> {
  if (rotation === undefined) return { move: 'add', dueMs: 0 }
  const at = Date.parse(rotation.at)
  switch (rotation.step) {
    case 'added': // each process accepts it, and nobody has a list without it any more
      return { move: 'promote', dueMs: at + PICK_UP_MS + KEYS_CACHE_SECONDS * 1000 }
    case 'signs': // each process signs with it, and the last token of the former keys has ended
      return { move: 'retire', dueMs: at + PICK_UP_MS + TOKEN_LIFE_SECONDS * 1000 }
  }
}

export type TokenKey = TokenKeysFile['keys'][number]

/** Accepted and published, not signing. */
export function addTokenKey(file: TokenKeysFile, key: TokenKey, now: Date): TokenKeysFile {
  return { keys: [...file.keys, key], rotation: { step: 'added', at: now.toISOString() } }
}

export function promoteTokenKey(file: TokenKeysFile, now: Date): TokenKeysFile {
  return {
    keys: [...file.keys.slice(-1), ...file.keys.slice(0, -1)],
    rotation: { step: 'signs', at: now.toISOString() },
  }
}

export function retireTokenKeys(file: TokenKeysFile): TokenKeysFile {
  return { keys: file.keys.slice(0, 1) }
}
