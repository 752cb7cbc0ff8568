// The broadcast server of the `ws` documentation: what one connection to /pub sends, every other connection gets.
import { WebSocketServer } from "ws";

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.env.PORT ?? 0),
  perMessageDeflate: false,
  clientTracking: false,
  backlog: 4096,
});
const readers = new Set();

server.on("connection", (socket, request) => {
  socket.on("error", () => {});
  if (request.url === "/pub") {
    socket.on("message", (data) => {
      for (const reader of readers) reader.send(data, { binary: false });
    });
  } else if (request.url === "/echo") {
    socket.on("message", (data) => socket.send(data, { binary: false }));
  } else {
    readers.add(socket);
    socket.on("close", () => readers.delete(socket));
  }
});
server.on("listening", () => console.log(`listening on ws://127.0.0.1:${server.address().port}`));
process.on("SIGTERM", () => process.exit(0));
