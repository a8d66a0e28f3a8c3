import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { HASH_BYTES, hashLeaf } from '../audit/merkle.ts'
import { type Finding, findProven, type ProofFault } from '../audit/proven.ts'
import { readBase64 } from '../audit/signed-note.ts'
import { PolicyInvalid, readPolicy } from '../audit/witness/policy.ts'
import { readArguments } from './arguments.ts'
import { systemCode } from './embedded/error.ts'
import { UsageError } from './usage-error.ts'

const USAGE = 'verify-proof FILE --keys FILE (--entry FILE | --answer FILE) [--growth FILE]'

const sha256 = z.string().transform((text, context) => {
  const bytes = readBase64(text)
  if (bytes?.length === HASH_BYTES) return bytes
  context.addIssue('not a SHA-256 in base64')
  return z.NEVER
})

/** What an answer says of the log; all else of it is of no matter here. */
const answerSchema = z.object({
  receipt: z.object({
    index: z.int().min(0),
    leafHash: sha256,
    checkpoint: z.object({ size: z.int().min(0), rootHash: sha256 }).nullish(),
  }),
})

/**
 * `kiemthe verify-proof`, anywhere and offline: whether an entry, or the answer that quotes it, stands in the log that those
 * keys sign. Ends with 1 when it does not, or when it cannot be told.
 */
export async function verifyProof(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(
    args,
    { keys: { type: 'string' }, entry: { type: 'string' }, answer: { type: 'string' }, growth: { type: 'string' } },
    true,
  )
  const [file, ...more] = positionals
  const { keys, entry, answer, growth } = values
  if (file === undefined || more.length > 0 || keys === undefined || (entry === undefined) === (answer === undefined))
    throw new UsageError(USAGE)
  const held = answer === undefined ? null : readAnswer(answer, await textOf(answer))
  const finding = findProven(
    {
      proof: await textOf(file),
      leafHash: held?.leafHash ?? hashLeaf(await readFile(entry ?? '')),
      index: held?.index ?? null,
      seen: held?.checkpoint ? { size: held.checkpoint.size, root: held.checkpoint.rootHash } : null,
      growth: growth === undefined ? null : hashesIn(growth, await textOf(growth)),
    },
    policyIn(keys, await textOf(keys)),
  )
  process.stdout.write(`${lines(finding, held?.checkpoint?.size ?? null).join('\n')}\n`)
  if (!finding.proven) process.exitCode = 1
}

function lines(finding: Finding, seenSize: number | null): string[] {
  if (!finding.proven) {
    const [vi, en] = FAULTS[finding.fault]
    return [`KHÔNG được chứng minh (${finding.fault}): ${vi}`, `NOT proven (${finding.fault}): ${en}`]
  }
  const { origin, index, size, witnesses, seenHeld } = finding
  const by = witnesses.map(({ name, at }) => `${name} (${at?.toISOString() ?? '?'})`).join(', ')
  return [
    `Đã chứng minh: bản ghi số ${index} nằm trong nhật ký ${origin} gồm ${size} bản ghi, đã ký.`,
    by === '' ? 'Không có bên chứng kiến nào được yêu cầu.' : `Bên chứng kiến đã ký: ${by}.`,
    ...(seenHeld ? [`Nhật ký mà câu trả lời đã thấy (${seenSize} bản ghi) chính là phần đầu của nhật ký này.`] : []),
    `Proven: entry ${index} stands in the log ${origin} of ${size} entries, which is signed.`,
    by === '' ? 'No witness was asked for.' : `Cosigned by: ${by}.`,
    ...(seenHeld ? [`The log that the answer saw (${seenSize} entries) is how this one begins.`] : []),
    ...(seenSize !== null && seenHeld === null
      ? [
          `Chưa so với nhật ký mà câu trả lời đã thấy (${seenSize} bản ghi): cần --growth.`,
          `Not compared with the log that the answer saw (${seenSize} entries): that takes --growth.`,
        ]
      : []),
  ]
}

const FAULTS: Readonly<Record<ProofFault, readonly [vi: string, en: string]>> = {
  proofUnreadable: ['tệp không phải là bằng chứng tlog-proof.', 'the file is no tlog-proof.'],
  logUnknown: [
    'nhật ký này không có trong tệp khóa.',
    'the log is none of the file of keys: another log, or the wrong file.',
  ],
  notSigned: [
    'không có chữ ký đúng của khóa nhật ký.',
    'no key of the log signed it: it was made up, or the key was changed.',
  ],
  tooFewWitnesses: [
    'chưa đủ bên chứng kiến ký theo quy định trong tệp khóa.',
    'fewer witnesses cosigned than the file of keys wants; a later proof may have them.',
  ],
  otherPlace: [
    'bằng chứng là của một bản ghi khác với số trong câu trả lời.',
    'the proof is of another entry than the one that the answer names.',
  ],
  notInTree: [
    'nội dung này không nằm trong nhật ký ở vị trí đó: đã bị sửa, hoặc bằng chứng là của bản ghi khác.',
    'this is not what stands in the log at that place: it was changed, or the proof is of another entry.',
  ],
  seenLater: [
    'câu trả lời đã thấy nhật ký dài hơn: hãy lấy bằng chứng mới.',
    'the answer saw a longer log than that of the proof: fetch a new proof.',
  ],
  seenAnotherLog: [
    'nhật ký mà câu trả lời đã thấy KHÔNG phải là phần đầu của nhật ký này: có hai nhật ký. Hãy giữ cả hai tệp và báo cho bên chứng kiến.',
    'the log that the answer saw is NOT how this one begins: there are two. Keep both files, and tell the witnesses.',
  ],
}

function readAnswer(path: string, text: string) {
  try {
    return answerSchema.parse(JSON.parse(text)).receipt
  } catch {
    throw new UsageError(`${path} is no answer with a receipt`)
  }
}

function hashesIn(path: string, text: string): Uint8Array[] {
  const hashes = text.split('\n').slice(0, -1).map(readBase64)
  const whole = hashes.filter((hash) => hash?.length === HASH_BYTES).filter((hash) => hash !== null)
  if (whole.length !== hashes.length) throw new UsageError(`${path} has not a hash a line`)
  return whole
}

function policyIn(path: string, text: string) {
  try {
    return readPolicy(text)
  } catch (error) {
    throw error instanceof PolicyInvalid ? new UsageError(`${path}: ${error.message}`) : error
  }
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw systemCode(error) === 'ENOENT' ? new UsageError(`there is no file ${path}`) : error
  })
}
