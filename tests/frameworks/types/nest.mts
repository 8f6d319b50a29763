import { Controller, Get, Headers, type MessageEvent, Module, Req, Res, Sse } from '@nestjs/common'
import type { Observable } from 'rxjs'
import { Hub } from 'ssecast'
import { observe, sse, SseModule } from 'ssecast/nest'

@Controller()
class AppController {
  readonly #stream
  constructor(private readonly hub: Hub) {
    this.#stream = sse(hub, { topics: ['ticks'] })
  }

  @Sse('observed')
  observed(@Headers('last-event-id') lastEventId?: string): Observable<MessageEvent> {
    return observe(this.hub, ['ticks'], { lastEventId })
  }

  @Get('stream')
  stream(@Req() request: unknown, @Res() response: unknown) {
    return this.#stream(request, response)
  }
}

@Module({ imports: [SseModule.forRoot({ retryMs: 1000 })], controllers: [AppController] })
export class AppModule {}
