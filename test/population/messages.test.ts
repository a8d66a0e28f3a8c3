import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { answerText, checkHeaders, exists, readQuestion } from '../../mocks/population-registry/protocol.ts'
import { RegistryFailure } from '../../src/population/failure.ts'
import { readAnswer, requestHeaders, requestText } from '../../src/population/messages.ts'
import { AGREEMENT, NUMBER, question, REGISTERED } from './questions.ts'

const NOW = new Date('2026-11-24T03:00:00.123Z')
const URL_ = 'https://registry.example/xroad'

describe('a question', () => {
  test('has its elements in the order, the case and the namespaces of the protocol', () => {
    expect(requestText(AGREEMENT, { ...question(), transactionId: 'T-1' })).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>' +
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:bca="http://dancuquocgia.bca">' +
        '<soapenv:Header/><soapenv:Body><bca:XacThucThongTinCongDan>' +
        '<bca:MaYeuCau>T-1</bca:MaYeuCau><bca:MaDVC>YTE-38</bca:MaDVC><bca:MaTichHop>003</bca:MaTichHop>' +
        '<bca:MaCanBo>NV-0042</bca:MaCanBo><bca:SoDinhDanh>038090001234</bca:SoDinhDanh>' +
        '<bca:HoVaTen>NGUYỄN VĂN AN</bca:HoVaTen>' +
        '<bca:NgayThangNamSinh><bca:NgayThangNam>19900115</bca:NgayThangNam></bca:NgayThangNamSinh>' +
        '</bca:XacThucThongTinCongDan></soapenv:Body></soapenv:Envelope>',
    )
  })

  test.each([
    ['1950', { year: '1950' }],
    ['1950-03', { year: '1950' }],
    ['1950-03-09', { day: '19500309' }],
  ])('a birth date of %s is asked as far as it is known', (dateOfBirth, birth) => {
    expect(readQuestion(requestText(AGREEMENT, question({ dateOfBirth })), AGREEMENT).birth).toEqual(birth)
  })

  test('what a site asks for beside, stands where it belongs', () => {
    const asked = requestText({ ...AGREEMENT, unit: 'U', account: 'A', phone: '0' }, question())
    expect(asked).toMatch(
      /<\/bca:MaCanBo><bca:MaDonVi>U<\/bca:MaDonVi><bca:TaiKhoan>A<\/bca:TaiKhoan><bca:SoDienThoai>0</,
    )
    expect(readQuestion(asked, AGREEMENT).officer).toBe('NV-0042')
  })

  test('whatever an officer is called, the registry reads that and nothing more', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 64 }), (officer) => {
        const read = readQuestion(requestText(AGREEMENT, question({ officer: `x${officer}` })), AGREEMENT)
        expect(read).toMatchObject({ officer: `x${officer}`, citizenId: NUMBER })
      }),
      { numRuns: 200 },
    )
  })

  test.each(['ms', 's'] as const)(
    'is signed by a hash over address, user, timestamp (%s) and secret',
    (timestampUnit) => {
      const headers = requestHeaders({ ...AGREEMENT, timestampUnit }, URL_, NOW)
      expect(headers['timestamp']).toBe(timestampUnit === 'ms' ? '1795489200123' : '1795489200')
      expect(() => checkHeaders(headers, URL_, AGREEMENT, NOW)).not.toThrow()
      expect(() => checkHeaders(headers, `${URL_}/`, AGREEMENT, NOW)).toThrow('Authorization')
      expect(() => checkHeaders(headers, URL_, { ...AGREEMENT, secret: 'other' }, NOW)).toThrow('Authorization')
      expect(() => checkHeaders(headers, URL_, AGREEMENT, new Date(NOW.getTime() + 600_000))).toThrow('Timestamp')
      expect(JSON.stringify(headers)).not.toContain(AGREEMENT.secret)
    },
  )
})

describe('the mock', () => {
  test.each([
    ['the person', {}, true],
    ['another name', { fullName: 'Nguyễn Văn Anh' }, false],
    ['another day', { dateOfBirth: '1990-01-16' }, false],
    ['their year', { dateOfBirth: '1990' }, true],
    ['no accents', { fullName: 'Nguyen Van An' }, true],
  ])('knows %s', (_, of, known) => {
    expect(exists(readQuestion(requestText(AGREEMENT, question(of)), AGREEMENT), REGISTERED)).toBe(known)
  })
})

describe('an answer', () => {
  const right = answerText('T-1', true)
  const ns = 'xmlns:ns="http://www.mic.gov.vn/dancu/1.0"'

  test.each([
    ['true', 'confirmed'],
    ['1', 'confirmed'],
    ['\n false ', 'notConfirmed'],
    ['0', 'notConfirmed'],
  ])('TonTai %j is %s', (written, read) => {
    expect(readAnswer(right.replace('>true<', `>${written}<`), 'T-1')).toBe(read)
  })

  test('without a result is "not found"', () => {
    expect(readAnswer(answerText('T-1', null), 'T-1')).toBe('notConfirmed')
  })

  test.each([
    ['to another request', answerText('T-2', true)],
    ['without an id', right.replace(/<ns:MaYeuCau>.*<\/ns:MaYeuCau>/, '')],
    ['with the id twice', right.replace('<ns:KetQua', '<ns:MaYeuCau>T-1</ns:MaYeuCau><ns:KetQua')],
    ['with two results', right.replace('</ns:KetQuaXacThuc>', '</ns:KetQuaXacThuc><ns:KetQuaXacThuc/>')],
    ['that says both', right.replace('</ns:TonTai>', '</ns:TonTai><ns:TonTai>false</ns:TonTai>')],
    ['that says neither', right.replace('>true<', '>yes<')],
    ['that says TRUE', right.replace('>true<', '>TRUE<')],
    ['that says nothing', right.replace('>true<', '><')],
    ['whose result is empty', right.replace(/<ns:TonTai>.*<\/ns:TonTai>/, '')],
    ['with an element for a boolean', right.replace('>true<', '>true<ns:b/><')],
    ['in the namespace of the question', right.replace('http://www.mic.gov.vn/dancu/1.0', 'http://dancuquocgia.bca')],
    ['to another operation', right.replaceAll('XacThucThongTinCongDanResponse', 'TraCuuThongTinCongDanResponse')],
    [
      'in SOAP 1.2',
      right.replace('http://schemas.xmlsoap.org/soap/envelope/', 'http://www.w3.org/2003/05/soap-envelope'),
    ],
    ['without a body', right.replace(/<s:Body>.*<\/s:Body>/, '')],
    ['with two bodies', right.replace('</s:Body>', '</s:Body><s:Body/>')],
    ['with two headers', right.replace('<s:Header/>', '<s:Header/><s:Header/>')],
    ['beside another one', right.replace('</s:Body>', `<ns:x ${ns}/></s:Body>`)],
    ['beside a fault', right.replace('<s:Body>', '<s:Body><s:Fault/>')],
    ['that is a page', '<html><body>true</body></html>'],
  ])('%s is refused', (_, text) => {
    expect(text).not.toBe(right)
    expect(() => readAnswer(text, 'T-1')).toThrow(RegistryFailure)
  })

  test('cut or spoiled anywhere would crash its reader, or confirm somebody by chance', () => {
    const no = answerText('T-1', false)
    fc.assert(
      fc.property(
        fc.nat(no.length),
        fc.nat(30),
        fc.oneof(fc.string({ unit: 'binary', maxLength: 8 }), fc.constantFrom('', '<', '>', '&', '/')),
        (at, gone, put) => {
          const spoiled = no.slice(0, at) + put + no.slice(at + gone)
          try {
            expect(readAnswer(spoiled, 'T-1')).toBe('notConfirmed')
          } catch (error) {
            expect(error).toBeInstanceOf(RegistryFailure)
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
