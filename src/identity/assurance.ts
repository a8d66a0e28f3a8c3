/** How strongly a person was proven. A QR, a typed number or a paper proves nothing by itself: `unsigned`. */
export const ASSURANCES = ['chipAuthenticated', 'chipSigned', 'unsigned'] as const
export type Assurance = (typeof ASSURANCES)[number]
