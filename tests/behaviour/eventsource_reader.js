// Reads server-sent events with the npm package `eventsource`: node eventsource_reader.js URL TOKEN COUNT
// After half of them it cuts its own connection, so that the package reconnects with Last-Event-ID.
const { EventSource } = require("eventsource");
const [url, token, count] = process.argv.slice(2);

let lastId = "";
let seen = 0;
let source;

function listen() {
  const fetchWithToken = (input, init) =>
    fetch(input, {
      ...init,
      headers: {
        ...init.headers,
        Authorization: `Bearer ${token}`,
        ...(lastId && !init.headers["Last-Event-ID"] ? { "Last-Event-ID": lastId } : {}),
      },
    });
  const mine = (source = new EventSource(url, { fetch: fetchWithToken }));
  source.addEventListener("subscribed", (event) => (lastId = event.lastEventId));
  source.onmessage = (event) => {
    if (mine !== source) return; // the package still hands out what it had read before close()
    lastId = event.lastEventId;
    process.stdout.write(event.data + "\n");
    seen += 1;
    if (seen === Math.floor(Number(count) / 2)) {
      source.close();
      listen();
    } else if (seen >= Number(count)) {
      source.close();
      process.exit(0);
    }
  };
}

listen();
setTimeout(() => process.exit(1), 20000).unref();
