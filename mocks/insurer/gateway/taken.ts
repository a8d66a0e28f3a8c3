import { createHash } from 'node:crypto'

/** What became of one visit's files of one kind. */
export interface VisitTaken {
  /** Digests of the bytes that had an effect, in order: each replaced the one before. */
  readonly effects: string[]
  /** The same bytes once more: no effect. */
  repeats: number
  /** Bytes of before came after others: they took a correction back. An effect too. */
  wentBack: number
  /** Two requests about it at once: which of them is last is chance. */
  overlaps: number
}

export interface Receipt {
  readonly maGiaoDich: string
  readonly thoiGianTiepNhan: string
}

export interface TakenSums {
  readonly visits: number
  readonly effects: number
  readonly repeats: number
  readonly wentBack: number
  readonly overlaps: number
}

/**
 * The insurer's books, where "exactly once" is measured: by facility, kind of file and MA_LK. A file replaces the one before of
 * its MA_LK (domain §7: corrected and sent again under the same MA_LK); the bytes that are in force already change nothing
 * and get their receipt again.
 */
export class Taken {
  readonly #visits = new Map<string, VisitTaken & { receipts: Map<string, Receipt>; open: number }>()
  #receipts = 0

  /** A request about a visit began; ends with what is returned. */
  begin(key: string): () => void {
    const visit = this.#of(key)
    if (visit.open++ > 0) visit.overlaps++
    return () => {
      visit.open--
    }
  }

  take(key: string, bytes: Buffer, thoiGianTiepNhan: string): Receipt {
    const visit = this.#of(key)
    const digest = digestOf(bytes)
    const former = visit.receipts.get(digest)
    if (former !== undefined && visit.effects.at(-1) === digest) {
      visit.repeats++
      return former
    }
    if (former !== undefined) visit.wentBack++
    visit.effects.push(digest)
    const receipt = { maGiaoDich: `GD${String(++this.#receipts).padStart(12, '0')}`, thoiGianTiepNhan }
    visit.receipts.set(digest, receipt)
    return receipt
  }

  of(key: string): Readonly<VisitTaken> | null {
    const visit = this.#visits.get(key)
    return visit === undefined || visit.effects.length === 0 ? null : visit
  }

  sums(): TakenSums {
    const sums = { visits: 0, effects: 0, repeats: 0, wentBack: 0, overlaps: 0 }
    for (const { effects, repeats, wentBack, overlaps } of this.#visits.values()) {
      if (effects.length > 0) sums.visits++
      sums.effects += effects.length
      sums.repeats += repeats
      sums.wentBack += wentBack
      sums.overlaps += overlaps
    }
    return sums
  }

  #of(key: string) {
    const known = this.#visits.get(key)
    if (known !== undefined) return known
    const visit = {
      effects: [] as string[],
      repeats: 0,
      wentBack: 0,
      overlaps: 0,
      receipts: new Map<string, Receipt>(),
      open: 0,
    }
    this.#visits.set(key, visit)
    return visit
  }
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64')
}

export function visitKeyOf(maCskcb: string, loaiHoSo: string, maLk: string): string {
  return `${maCskcb}/${loaiHoSo}/${maLk}`
}
