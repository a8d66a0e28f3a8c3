import { type DataKeys, isRenaming } from '../data-keys.ts'
import { UsageError } from './usage-error.ts'

/** Rows that come in would be named by the former generation, when the last pass of the rotation may be over. */
export function refuseBesideRenaming(keys: DataKeys): void {
  if (!isRenaming(keys)) return
  throw new UsageError(
    'a rotation of the lookup key is under way: let it end (`kiemthe keys rotate lookup --wait`), then try again',
  )
}
