// Socket.IO over WebSocket alone. A client that says "publish" has its event broadcast to all others.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  // The load client does not answer Socket.IO's own pings; TCP tells when it goes.
  pingInterval: 600_000,
  serveClient: false,
});

io.on("connection", (socket) => {
  socket.on("publish", (event) => socket.broadcast.emit("event", event));
  socket.on("echo", (event) => socket.emit("event", event));
});
http.listen({ host: "127.0.0.1", port: Number(process.env.PORT ?? 0), backlog: 4096 }, () =>
  console.log(`listening on ws://127.0.0.1:${http.address().port}`),
);
process.on("SIGTERM", () => process.exit(0));
