/** What can be wrong, each at its place. `fsck` goes on after it: one damaged entry hides no other. */
export type Finding =
  /** The index has a hole: entries were taken out. */
  | { readonly what: 'entryMissing'; readonly index: number; readonly last: number }
  /** Entries after the end that the log's head knows: not numbered by an append. */
  | { readonly what: 'entryBeyondHead'; readonly index: number }
  /** The head is behind what was sealed: the log was cut off, or is of an older backup. */
  | { readonly what: 'logShorterThanTree' | 'logShorterThanCheckpoint'; readonly index: number; readonly last: number }
  /** SHA-256(0x00 ‖ body) is not the hash beside it: one of the two was changed. */
  | { readonly what: 'leafHashDiffers'; readonly index: number }
  /** Body and hash agree with one another, not with what was sealed: the entry was replaced, or moved. */
  | { readonly what: 'entryReplaced'; readonly index: number }
  /** A tile that is not made of the entries below it, where they are what was sealed above. */
  | { readonly what: 'tileDiffers' | 'tileMissing'; readonly level: number; readonly index: number }
  /** No JSON object of ours. */
  | { readonly what: 'bodyUnreadable'; readonly index: number }
  /** Recorded long before its predecessor: back-dated, or a clock that was wrong. */
  | { readonly what: 'recordedOutOfOrder'; readonly index: number }
  /** The details are not those that the entry commits to. */
  | { readonly what: 'detailDiffers'; readonly index: number }
  /** Sealed under a key we do not have, changed, or of another row. */
  | { readonly what: 'detailDoesNotOpen'; readonly index: number }
  /** Gone, and no entry of an erasure says so. */
  | { readonly what: 'detailMissing'; readonly index: number }
  /** There again after an entry said that it was erased. */
  | { readonly what: 'detailNotErased'; readonly index: number }
  | { readonly what: 'detailOfNothing'; readonly index: number }
  /** The published checkpoint: no note, no signature of the log's key, another log's, or another root. */
  | { readonly what: 'checkpointForged' | 'checkpointOfAnotherTree'; readonly index: number }
  /** Of the checkpoint, by the policy: a signature under a witness's name that it did not make; or fewer than are wanted. */
  | { readonly what: 'cosignatureForged' | 'cosignatureMissing'; readonly witness: string }
  /** A log that has a successor is not what that one's first entry says it ended with. */
  | { readonly what: 'endingDiffers'; readonly index: number }

/** A line for people. Ends without a stop. */
export function describeFinding(finding: Finding): string {
  switch (finding.what) {
    case 'entryMissing':
      return finding.index === finding.last
        ? `entry ${finding.index} is missing`
        : `entries ${finding.index}–${finding.last} are missing`
    case 'entryBeyondHead':
      return `entry ${finding.index} stands beyond the end of the log`
    case 'logShorterThanTree':
      return `entries ${finding.index}–${finding.last} were sealed, and the log ends before them`
    case 'logShorterThanCheckpoint':
      return `entries ${finding.index}–${finding.last} were published, and the log ends before them`
    case 'leafHashDiffers':
      return `entry ${finding.index}: the body is not what was hashed`
    case 'entryReplaced':
      return `entry ${finding.index} is another one than was sealed`
    case 'tileDiffers':
      return `tile ${finding.level}/${finding.index} is not made of the entries below it`
    case 'tileMissing':
      return `tile ${finding.level}/${finding.index} is missing`
    case 'bodyUnreadable':
      return `entry ${finding.index}: the body cannot be read`
    case 'recordedOutOfOrder':
      return `entry ${finding.index} was recorded long before the one before it`
    case 'detailDiffers':
      return `entry ${finding.index}: the details are not those that it commits to`
    case 'detailDoesNotOpen':
      return `entry ${finding.index}: the details do not open`
    case 'detailMissing':
      return `entry ${finding.index}: the details are gone, and no erasure says so`
    case 'detailNotErased':
      return `entry ${finding.index}: the details are there, and an erasure took them`
    case 'detailOfNothing':
      return `details of entry ${finding.index}, which is not there`
    case 'checkpointForged':
      return `the checkpoint of size ${finding.index} is not signed by the log`
    case 'checkpointOfAnotherTree':
      return `the checkpoint of size ${finding.index} is of other entries than these`
    case 'cosignatureForged':
      return `the cosignature of ${finding.witness} does not verify`
    case 'cosignatureMissing':
      return `the checkpoint bears no cosignature of ${finding.witness}, and fewer than the policy wants`
    case 'endingDiffers':
      return `the log is another one than the ${finding.index} entries that its successor was opened over`
  }
}
