// uWebSockets.js by its own publish/subscribe. The package is Truffle's build: uNetworking's own is not on npm.
const { App, DISABLED, us_socket_local_port } = require("@trufflesuite/uws-js-unofficial");

if (typeof us_socket_local_port !== "function") {
  console.error("the package fell back to JavaScript: it has no binary for this Node");
  process.exit(3);
}

const app = App();
const common = { compression: DISABLED, idleTimeout: 0, sendPingsAutomatically: false, maxBackpressure: 64 * 1024 * 1024 };

app
  .ws("/pub", {
    ...common,
    message: (socket, message, isBinary) => {
      app.publish("all", message, isBinary);
    },
  })
  .ws("/echo", { ...common, message: (socket, message, isBinary) => socket.send(message, isBinary) })
  .ws("/*", { ...common, open: (socket) => socket.subscribe("all") })
  .listen("127.0.0.1", Number(process.env.PORT ?? 0), (listening) => {
    if (!listening) process.exit(1);
    console.log(`listening on ws://127.0.0.1:${us_socket_local_port(listening)}`);
  });
process.on("SIGTERM", () => process.exit(0));
