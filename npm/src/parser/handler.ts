/** What a grammar calls, in the order of the stream. */
export interface Handler {
  /** Ends a block that has an id, data or both. */
  block?: ((id: string | undefined, event: string | undefined, data: string | undefined) => void) | undefined
  /** Gets the id of each block that has one, before its event. */
  id?: ((id: string) => void) | undefined
  event?: ((event: Message) => void) | undefined
  comment?: ((comment: string) => void) | undefined
  /** Gets a reconnection time as soon as its line has ended. */
  retry?: ((milliseconds: number) => void) | undefined
  /** Gets a whole line that means nothing. */
  unknown?: ((name: string, value: string, line: string) => void) | undefined
  /** Ends the stream: a block was larger than the limit. */
  fail(): void
}

/** An event, in the shape that the parser's users see. */
interface Message {
  event: string | undefined
  id: string | undefined
  data: string
  lastEventId?: string
}
