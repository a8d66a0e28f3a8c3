import { EMPTY_ROOT, hashNode } from './merkle.ts'

/** The root of leaves that come one after the other: only the subtrees that are not filled are kept, one a bit of the size. */
export interface GrowingRoot {
  readonly push: (leafHash: Uint8Array) => void
  readonly root: () => Buffer
}

export function growingRoot(): GrowingRoot {
  const full: Uint8Array[] = []
  let size = 0
  return {
    push: (leafHash) => {
      let hash = leafHash
      for (let n = size; n % 2 === 1; n = (n - 1) / 2) hash = hashNode(full.pop() ?? EMPTY_ROOT, hash)
      full.push(hash)
      size++
    },
    root: () => {
      const last = full.at(-1)
      if (last === undefined) return EMPTY_ROOT
      return full.slice(0, -1).reduceRight<Buffer>((right, left) => hashNode(left, right), Buffer.from(last))
    },
  }
}
