/**
 * Base letters of lower-case text. Horn, breve, circumflex and the five tones are combining marks once decomposed; đ is a
 * letter of its own in Unicode and has to be named. So have its look-alikes: ð (eth) and ɖ come from old Vietnamese fonts.
 */
export function withoutAccents(lowerCase: string): string {
  return lowerCase
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[đðɖ]/g, 'd')
}
