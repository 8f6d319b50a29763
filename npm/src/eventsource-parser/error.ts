/** What was wrong. */
export type ErrorType = 'invalid-retry' | 'unknown-field' | 'max-buffer-size-exceeded'

/** A line that means nothing, or a buffer that was full. */
export class ParseError extends Error {
  /** What was wrong. */
  type: ErrorType
  /** The name of an unknown field. */
  field?: string | undefined
  /** The value of the field. */
  value?: string | undefined
  /** The whole line. */
  line?: string | undefined

  constructor(message: string, options: { type: ErrorType; field?: string; value?: string; line?: string }) {
    super(message)
    this.name = 'ParseError'
    this.type = options.type
    this.field = options.field
    this.value = options.value
    this.line = options.line
  }
}
