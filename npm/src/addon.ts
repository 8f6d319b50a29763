import type * as Native from '../native.cjs'

let loaded: typeof Native | undefined

/** The addon. It is loaded when something needs it, so that a program which only parses runs where there is none. */
export function addon(): typeof Native {
  return (loaded ??= require('../native.cjs') as typeof Native)
}
