export interface BucketPolicy {
  /** Tokens that come back each second. */
  readonly perSecond: number
  /** Tokens of a full bucket. */
  readonly burst: number
  /** Buckets at the most; the one longest unused goes, and is full when it is made again: one burst more, never less. */
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
  /** Whether a token could be taken; takes none. */
  readonly has: (key: string, nowMs: number) => boolean
  readonly size: () => number
}

/** A bucket is two numbers under a text of some 40 bytes: about 200 bytes with its place in the map. */
export function tokenBuckets(policy: BucketPolicy): TokenBuckets {
  const { perSecond, burst, bucketsMax } = policy
  const buckets = new Map<string, { tokens: number; atMs: number }>()

  function bucketOf(key: string, nowMs: number) {
    let bucket = buckets.get(key)
    if (bucket !== undefined) {
      if (buckets.size >= bucketsMax) {
        buckets.delete(key) // only a full table needs to know its order
        buckets.set(key, bucket)
      }
      return bucket
    }
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

  /** A clock that was set back gives nothing, and takes nothing away. */
  function tokensIn(bucket: { tokens: number; atMs: number }, nowMs: number): number {
    return Math.min(burst, bucket.tokens + (Math.max(0, nowMs - bucket.atMs) * perSecond) / 1000)
  }

  return {
    policy,
    take: (key, nowMs) => {
      const bucket = bucketOf(key, nowMs)
      bucket.tokens = tokensIn(bucket, nowMs)
      bucket.atMs = nowMs
      const admitted = bucket.tokens >= 1
      if (admitted) bucket.tokens -= 1
      return {
        admitted,
        remaining: Math.floor(bucket.tokens),
        fullInSeconds: Math.ceil((burst - bucket.tokens) / perSecond),
      }
    },
    has: (key, nowMs) => {
      const bucket = buckets.get(key)
      return bucket === undefined || tokensIn(bucket, nowMs) >= 1
    },
    size: () => buckets.size,
  }
}
