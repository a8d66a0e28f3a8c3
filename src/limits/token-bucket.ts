export interface BucketPolicy {
  /** Tokens that come back each second. */
  readonly perSecond: number
  /** Tokens of a full bucket. */
  readonly burst: number
  /** Buckets at the most; the oldest goes, and would be full when it is made again: one burst more, never less. */
  readonly bucketsMax: number
}

export interface Taken {
  readonly admitted: boolean
  /** Whole tokens left. */
  readonly remaining: number
  /** Until the bucket is full again. */
  readonly fullInSeconds: number
}

export interface TokenBuckets {
  readonly policy: BucketPolicy
  readonly take: (key: string, nowMs: number) => Taken
  /** What was taken for something that turned out well. */
  readonly giveBack: (key: string) => void
  readonly size: () => number
}

/** A bucket is two numbers under a text of some 40 bytes: about 200 bytes with its place in the map. */
export function tokenBuckets(policy: BucketPolicy): TokenBuckets {
  const { perSecond, burst, bucketsMax } = policy
  const buckets = new Map<string, { tokens: number; atMs: number }>()

  function bucketOf(key: string, nowMs: number) {
    let bucket = buckets.get(key)
    if (bucket !== undefined) return bucket
    if (buckets.size >= bucketsMax) {
      for (const oldest of buckets.keys()) {
        buckets.delete(oldest)
        break
      }
    }
    bucket = { tokens: burst, atMs: nowMs }
    buckets.set(key, bucket)
    return bucket
  }

  return {
    policy,
    take: (key, nowMs) => {
      const bucket = bucketOf(key, nowMs)
      // a clock that was set back gives nothing, and takes nothing away
      const elapsedMs = Math.max(0, nowMs - bucket.atMs)
      bucket.tokens = Math.min(burst, bucket.tokens + (elapsedMs * perSecond) / 1000)
      bucket.atMs = nowMs
      const admitted = bucket.tokens >= 1
      if (admitted) bucket.tokens -= 1
      return {
        admitted,
        remaining: Math.floor(bucket.tokens),
        fullInSeconds: Math.ceil((burst - bucket.tokens) / perSecond),
      }
    },
    giveBack: (key) => {
      const bucket = buckets.get(key)
      if (bucket !== undefined) bucket.tokens = Math.min(burst, bucket.tokens + 1)
    },
    size: () => buckets.size,
  }
}
