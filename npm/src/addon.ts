import type * as Native from '../native.cjs'

let loaded: typeof Native | undefined

/** The addon. It is loaded on first use, so that a program which only parses runs on a platform without one. */
export function addon(): typeof Native {
  return (loaded ??= require('../native.cjs') as typeof Native)
}
