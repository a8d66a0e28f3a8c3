declare const brand: unique symbol

/** A value that was parsed once at the edge; only its parser makes one. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** What a parser answers: the value, or the one thing that is wrong with it. */
export type Parsed<T, Issue extends string> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issue: Issue }
