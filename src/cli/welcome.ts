import { person } from '../../mocks/province/person.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { type IsoDate, todayInVietnam } from '../calendar.ts'
import { DATA_FOLDER, type DataFolder, dataFolder } from './data-folder.ts'

/** What the demo tells whoever started it: what there is, and a first question to paste. */
export interface Welcomed {
  readonly seed: string
  readonly baseDate: IsoDate
  readonly cards: number
}

export function printWelcome(
  known: Welcomed,
  port: number,
  folder: DataFolder,
  registryUrl: string | null,
  beside: readonly string[],
): void {
  const someone = person({ seed: known.seed, baseDate: known.baseDate }, 0)
  const request = {
    evidence: { kind: 'chipIdQr', text: chipIdQrText(someone) },
    serviceDate: todayInVietnam(new Date()),
    purpose: 'arrival',
  }
  const registryConsent = { method: 'signedForm', reference: 'demo', givenAt: new Date().toISOString() }
  const data = folder.path === dataFolder(DATA_FOLDER).path ? '' : ` --data '${folder.path}'`
  const url = `http://127.0.0.1:${port}`
  process.stdout.write(
    [
      '',
      `Kiểm thẻ: 669 facilities, ${count(known.cards)} insurance records as of ${known.baseDate}.`,
      'A first verification (paste it into another terminal, in this folder):',
      '',
      ...curl(request),
      '',
      ...(registryUrl === null
        ? []
        : [
            `With the person's consent the population registry is asked too (a mock; \`registry\` says what it answered):`,
            '',
            ...curl({ ...request, officer: 'NV-0042', registryConsent }),
            '',
          ]),
      `More people: npm run -s kiemthe -- sample --count 5${data}`,
      ...beside,
      `ready ${url}`,
      '',
    ].join('\n'),
  )

  function curl(body: unknown): string[] {
    return [
      `curl -s ${url}/v1/verifications -H 'content-type: application/json' \\`,
      `  -H "authorization: Bearer $(npm run -s kiemthe -- token --facility 38001${data})" \\`,
      `  -d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`,
    ]
  }
}

export function count(n: number): string {
  return n.toLocaleString('en-US')
}
