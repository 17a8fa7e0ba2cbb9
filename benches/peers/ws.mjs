// npm ws: a server that keeps its sockets and says nothing.
//   ws.mjs PORT
import { WebSocketServer } from "ws";

new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]) }).on("connection", (socket) => {
    socket.on("error", () => socket.terminate());
});
