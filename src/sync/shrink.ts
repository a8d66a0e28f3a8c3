/** A province does not lose one in twenty insured, or facilities, from one full feed to the next; a broken export does. */
export const SHRINK_MAX_PERCENT = 5

/** Whether a full feed has so many fewer rows than we hold that an operator must say why. */
export function hasShrunk(held: number, rows: number, maxPercent: number): boolean {
  return rows < held * (1 - maxPercent / 100)
}
