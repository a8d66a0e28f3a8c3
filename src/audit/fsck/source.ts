import type { Tile } from '../tile.ts'

/** Where the log is checked from: a database, or a file that was written out of one. */
export interface FsckSource {
  readonly end: FsckEnd
  /** The entries from one index to another that are there, in order. */
  readonly page: (from: number, to: number) => Promise<FsckPage>
  /** Tiles in their order, at their widths; null where there is none so wide. */
  readonly tiles: (tiles: readonly Tile[]) => Promise<readonly (Uint8Array | null)[]>
}

export interface FsckEnd {
  readonly origin: string
  /** What the head says. */
  readonly size: number
  /** Entries in tiles; 0 where there are no tiles. */
  readonly treeSize: number
  /** The published checkpoint, a signed note. */
  readonly checkpoint: string | null
  /** Entries and details that stand where the log does not reach. */
  readonly beyond: readonly number[]
  readonly detailsOfNothing: readonly number[]
}

export interface FsckPage {
  /** Null: all of them, one after the other. */
  readonly indexes: readonly number[] | null
  readonly bodies: readonly string[]
  /** 32 bytes each; null where the source has only bodies. */
  readonly leafHashes: Uint8Array | null
  /** By index; null where the source has none of them, or nobody could open them. */
  readonly details: ReadonlyMap<number, FsckDetail> | null
}

export interface FsckDetail {
  /** Hex, or empty. */
  readonly subject: string
  readonly salt: Uint8Array
  readonly sealed: Uint8Array
}
