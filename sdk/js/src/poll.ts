/** Long polling: the last way, which every proxy lets through. */
import { HttpTransport } from './http-transport.js';

const pageSize = 200;

export class PollTransport extends HttpTransport {
  readonly kind = 'poll';

  protected override async run(signal: AbortSignal): Promise<undefined> {
    // The first answer comes at once: it shows that the way is open.
    let wait = 0;
    const over = () => signal.aborted;
    while (!over()) {
      const page = await this.page(this.starts, { limit: pageSize, ...(wait && { wait }) }, signal);
      if (over()) return;
      this.opened();
      for (const reset of page.reset) this.events.onReset(reset);
      for (const event of page.results) {
        // A listener may have moved a stream: what is left of this answer belongs to the old place.
        if (over()) return;
        this.events.onEvent(event);
      }
      // Last, so that a reader at the head does not look behind for the length of a page.
      for (const { stream, position } of this.followed) {
        const head = page.streams[stream];
        if (head && position) this.events.onSubscribed({ stream, ...head, since: position.seq });
      }
      wait = page.has_more ? 0 : this.timings.pollWaitSeconds;
    }
  }
}
