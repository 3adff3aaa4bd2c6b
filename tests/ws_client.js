// Talks to a chat server with npm's ws: node ws_client.js PORT. Prints one JSON array of what it met.
const WebSocket = require("ws");
const found = [];
const url = `ws://127.0.0.1:${process.argv[2]}/ws`;
const text = (size) => JSON.stringify({ do: "ping", ref: 1, pad: "x".repeat(size - 32) });

function visit(act) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: true });
    socket.on("open", () => act(socket));
    socket.on("message", (data) => found.push(JSON.parse(data).event));
    socket.on("pong", () => found.push("pong frame"));
    socket.on("close", (code) => resolve(found.push(code)));
    socket.on("error", reject);
  });
}

(async () => {
  await visit((socket) => {
    for (const size of [125, 126, 65535, 65536]) socket.send(text(size));
    socket.send('{"do":"pi', { fin: false });
    socket.ping("between");
    socket.send('ng"}', { fin: true });
    socket.on("pong", () => setImmediate(() => socket.close(3210, "bye")));
  });
  await visit((socket) => socket.send(Buffer.from([0x22, 0xff]), { binary: false }));
  await visit((socket) => socket.send("x".repeat(131073)));
  await visit((socket) => socket.send(Buffer.from("{}"), { binary: true }));
  await visit((socket) => socket.send('{"do":"quit"}'));
  console.log(JSON.stringify(found));
})();
