/** How a grammar behaves. */
export interface Dialect {
  /** How much one block may take. */
  readonly most: number
  /**
   * Whether it counts and tells as eventsource-parser does: what counts are the units of the data, and of a line that has not
   * ended, rather than the bytes of UTF-8 of data, event and id lines; and an event is a `message` where the stream says so, and
   * has no last event ID.
   */
  readonly isDropIn: boolean
}
