import { type DataKeys, dataKeysSchema, deriveDataKeys } from '../data-keys.ts'
import { type DataFolder, readSecret } from './data-folder.ts'
import { UsageError } from './usage-error.ts'

/** Where a command finds the data keys: DATA_KEYS_FILE as `serve`, or the folder's. */
export function dataKeysFileOf(folder: DataFolder): string {
  return process.env['DATA_KEYS_FILE'] || folder.dataKeysFile
}

export function tokenKeysFileOf(folder: DataFolder): string {
  return process.env['TOKEN_KEYS_FILE'] || folder.tokenKeysFile
}

/** For commands that write to the log: its details are sealed. */
export function ownerDataKeys(folder: DataFolder): Promise<DataKeys> {
  return dataKeysIn(dataKeysFileOf(folder))
}

export async function dataKeysIn(path: string): Promise<DataKeys> {
  const file = await readSecret(path, dataKeysSchema)
  if (file === null)
    throw new UsageError(`there is no file ${path}: set DATA_KEYS_FILE, or name the folder with --data`)
  return deriveDataKeys(file)
}
