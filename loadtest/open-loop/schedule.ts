/** A rate that holds for a while. */
export interface Stretch {
  readonly seconds: number
  readonly perSecond: number
}

export type Shape = readonly Stretch[]

/** `absolute`: as even as a clock. `poisson`: independent people, who come in bunches. */
export type Arrivals = 'absolute' | 'poisson'

export function secondsOf(shape: Shape): number {
  return shape.reduce((sum, each) => sum + each.seconds, 0)
}

export function expectedOf(shape: Shape): number {
  return shape.reduce((sum, each) => sum + each.seconds * each.perSecond, 0)
}

/**
 * When each request is due, in ms from the start: the plan of an open loop, made before it begins, so that nothing that the
 * server does can change it. The shape is a clock that runs faster where the rate is higher.
 */
export function dueTimes(shape: Shape, arrivals: Arrivals, random: () => number): Float64Array {
  const total = expectedOf(shape)
  const due: number[] = []
  let stretch = 0
  let passedMs = 0
  let passedCount = 0
  for (
    let at = arrivals === 'absolute' ? 0.5 : gap(random);
    at < total;
    at += arrivals === 'absolute' ? 1 : gap(random)
  ) {
    let current = shape[stretch]
    while (current !== undefined && at >= passedCount + current.seconds * current.perSecond) {
      passedMs += current.seconds * 1_000
      passedCount += current.seconds * current.perSecond
      current = shape[++stretch]
    }
    if (current === undefined) break // the last sum may round
    due.push(passedMs + ((at - passedCount) / current.perSecond) * 1_000)
  }
  return Float64Array.from(due)
}

/** The same before the plan begins: negative times. */
export function leadInTimes(leadIn: Stretch, arrivals: Arrivals, random: () => number): Float64Array {
  return dueTimes([leadIn], arrivals, random).map((ms) => ms - leadIn.seconds * 1_000)
}

function gap(random: () => number): number {
  return -Math.log(1 - random())
}
