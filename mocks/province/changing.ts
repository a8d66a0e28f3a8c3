import { personsForRecords } from './person.ts'

/**
 * One person in twenty is changed by the insurer of a running demo, and nobody else is: whoever must get the decision they
 * were made for (`kiemthe sample`, load tests) is drawn from the others.
 */
const ONE_IN = 20

export function isChanging(index: number): boolean {
  return index % ONE_IN === ONE_IN - 1
}

export function countChanging(records: number): number {
  return Math.floor(personsForRecords(records) / ONE_IN)
}

/** The n-th of them, from 0. */
export function changingIndex(n: number): number {
  return n * ONE_IN + ONE_IN - 1
}
