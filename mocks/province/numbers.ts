import { BIRTH_PLACES } from './birth-places.ts'
import { AGES, bucketAt, type Layout, PEOPLE_MAX, RESIDENT_OFFSETS } from './layout.ts'
import { draw, permute, spread, unpermute, unspread } from './permutation.ts'

/**
 * Numbers that never meet. Each bucket (birth place, sex, birth year) is an interval of at most 900,000 places, and its
 * million six-digit endings are a bijection of offsets: below 900,000 residents, then cancelled former numbers, then
 * people who are nowhere in the province's records. So the digits look random, and no check for duplicates is needed.
 */
const OUTSIDER_OFFSETS = 910_000
/** 900,000 resident offsets ÷ 10 fill the 90,000 of outsiders. */
const OUTSIDER_STRIDE = 10
/** One in 500 has a cancelled former number: 900,000 ÷ 500 = 1,800 offsets, below those of outsiders. */
const FORMER_STRIDE = 500

const BUCKETS_PER_YEAR = BIRTH_PLACES.length * 2
const THREE_DIGITS = Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, '0'))

/** Who somebody is by birth; everything else is drawn from it. */
export interface Birth {
  readonly citizenId: string
  readonly bucket: number
  readonly offset: number
  readonly year: number
  readonly sex: 'male' | 'female'
}

/** The person's place in [0, PEOPLE_MAX): the order of indexes says nothing about age or birth place. */
export function placeOf(layout: Layout, index: number): number {
  return permute(layout.personKey, 10_000, 10_000, index)
}

export function residentBirth(layout: Layout, place: number): Birth {
  const bucket = bucketAt(layout.starts, place)
  return birth(layout, bucket, place - (layout.starts[bucket] as number))
}

/** Who has that number: a resident by index, an offset beyond residents, or nobody. */
export function ownerOf(
  layout: Layout,
  citizenId: string,
):
  | { readonly kind: 'resident'; readonly index: number }
  | { readonly kind: 'other'; readonly bucket: number; readonly offset: number }
  | null {
  const bucket = layout.prefixes.indexOf(citizenId.slice(0, 6))
  if (bucket < 0 || !/^\d{12}$/.test(citizenId)) return null
  const offset = unpermute(draw(layout.numberKey, bucket), 1000, 1000, Number(citizenId.slice(6)))
  if (offset >= RESIDENT_OFFSETS) return { kind: 'other', bucket, offset }
  const place = (layout.starts[bucket] as number) + offset
  if (place >= (layout.starts[bucket + 1] as number)) return null
  return { kind: 'resident', index: unpermute(layout.personKey, 10_000, 10_000, place) }
}

/** The i of `outsiderBirth`; null: no outsider of that range. */
export function outsiderIndex(
  layout: Layout,
  from: number,
  to: number,
  { bucket, offset }: { readonly bucket: number; readonly offset: number },
): number | null {
  if (offset < OUTSIDER_OFFSETS) return null
  const start = layout.starts[bucket] as number
  const first = start + (offset - OUTSIDER_OFFSETS) * OUTSIDER_STRIDE
  // the only one of ten places that the stride meets
  const place = from + Math.ceil((first - from) / OUTSIDER_STRIDE) * OUTSIDER_STRIDE
  const i = (place - from) / OUTSIDER_STRIDE
  const count = outsidersIn(from, to)
  if (i < 0 || i >= count || place >= (layout.starts[bucket + 1] as number)) return null
  return unspread(layout.outsiderKey, count, i)
}

/** The i-th of a bijection on every tenth place of [from, to), in offsets no resident has. */
export function outsiderBirth(layout: Layout, from: number, to: number, i: number): Birth {
  const count = outsidersIn(from, to)
  if (!(i >= 0 && i < count)) throw new RangeError(`only ${count} such outsiders`)
  const place = from + spread(layout.outsiderKey, count, i) * OUTSIDER_STRIDE
  const bucket = bucketAt(layout.starts, place)
  const offset = place - (layout.starts[bucket] as number)
  return birth(layout, bucket, OUTSIDER_OFFSETS + Math.floor(offset / OUTSIDER_STRIDE))
}

export function outsidersIn(from: number, to: number): number {
  return Math.floor((to - from) / OUTSIDER_STRIDE)
}

function birth(layout: Layout, bucket: number, offset: number): Birth {
  return {
    citizenId: numberIn(layout, bucket, offset),
    bucket,
    offset,
    year: layout.firstYear + Math.floor(bucket / BUCKETS_PER_YEAR),
    sex: bucket % 2 === 0 ? 'male' : 'female',
  }
}

function numberIn(layout: Layout, bucket: number, offset: number): string {
  return (layout.prefixes[bucket] as string) + sixDigits(permute(draw(layout.numberKey, bucket), 1000, 1000, offset))
}

/**
 * A cancelled number of 12 digits: the person was first registered a year too young, which was corrected, and the number
 * with it (NĐ 70/2024 Đ11 k8). Empty for nearly all.
 */
export function cancelledNumber(layout: Layout, born: Birth): string | null {
  const corrected = born.offset % FORMER_STRIDE === 7 && born.offset < RESIDENT_OFFSETS
  if (!corrected || born.bucket >= AGES * BUCKETS_PER_YEAR) return null
  return numberIn(layout, born.bucket + BUCKETS_PER_YEAR, RESIDENT_OFFSETS + Math.floor(born.offset / FORMER_STRIDE))
}

/** First two digits of nine: 17 is what Thanh Hóa issued [general knowledge]; the others keep 100 million apart. */
const CMND_BLOCKS = ['17', '18', '16', '19', '11', '12', '13', '14', '15', '10']

/** An identity card of nine digits (CMND): ten million to a block, so every index below ten million has a 17. */
export function cmnd(layout: Layout, index: number): string {
  const block = Math.floor(index / 10_000_000)
  const seven = permute(draw(layout.formerKey, block), 2500, 4000, index - block * 10_000_000)
  const tail = Math.floor(seven / 10)
  return `${CMND_BLOCKS[block]}${sixDigits(tail)}${seven - tail * 10}`
}

/** Mã số BHXH: the province where it was given, then eight digits that are unique by themselves. */
export function insuranceNumber(layout: Layout, province: string, index: number): string {
  const eight = permute(layout.insuranceKey, 10_000, 10_000, index)
  const tail = Math.floor(eight / 100)
  const end = eight - tail * 100
  return province + sixDigits(tail) + (end < 10 ? `0${end}` : end)
}

/** Most were insured first where they were born; a country is no province of the insurer's. */
export function insuranceProvince(born: Birth): string {
  const code = (BIRTH_PLACES[(born.bucket % BUCKETS_PER_YEAR) >>> 1] as readonly [string, number])[0]
  return code < '100' && code !== OUTSIDER_PROVINCE ? code.slice(1) : '38'
}

/** Insured by another province only: residents born in 079 keep a 38, so the two never meet. */
export const OUTSIDER_PROVINCE_DIGITS = '79'
const OUTSIDER_PROVINCE = `0${OUTSIDER_PROVINCE_DIGITS}`

function sixDigits(n: number): string {
  const high = Math.floor(n / 1000)
  return (THREE_DIGITS[high] as string) + THREE_DIGITS[n - high * 1000]
}

/** Checked where an index comes in. */
export function checkIndex(index: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= PEOPLE_MAX) throw new RangeError(`no person ${index}`)
}
