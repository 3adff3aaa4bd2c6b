// One visit to the server over a WebSocket: logs in, notices a dead connection, and comes back by itself.
// It knows the protocol's beginning and end (login, coming back, ping, goodbye), and nothing of the page.

const PAUSES = [0.4, 1, 2, 4, 8, 15, 30]; // seconds before each new try, at most; the last one repeats
const CONNECT = 10; // seconds until a connection that does not come is given up
const SILENCE = 20; // seconds without a word from the server until it is asked
const ANSWER = 10; // seconds it has for an answer
const LOOK = 3; // seconds it has where somebody waits for it
const GHOST = 120; // seconds that one's own dead connection may hold the name
const CLOSED = 10; // the same for that of a page that was closed just now

export class Link {
  #address;
  #deliver;
  #login = null;
  #socket = null;
  #timer = 0;
  #tries = 0;
  #ghostUntil = 0; // so long one's own old connection may hold the name
  #been = false;
  #held = null; // what came after a welcome, until it is known whether one is back or has come in anew

  // `deliver` gets each object of the server, and the link's own news: {event: "link", state, text}.
  // States: connecting, connected, retrying, refused (with the server's `code`), ended.
  // A welcome has `back` where one is still in one's rooms; what was missed follows, and then `resumed`.
  constructor(address, deliver) {
    this.#address = address;
    this.#deliver = deliver;
    this.open = false;
    this.since = 0; // the newest event that has been delivered: the next ones are told to whoever comes back
    addEventListener("online", () => this.#again());
  }

  // `door` is the password of the room, where it has one. With the `token` of a page that was closed just now one
  // takes its place, and hears again what is still remembered.
  join(name, password, door = this.#login?.door, token = "") {
    this.#drop();
    this.#login = { do: "login", name, token, ...(password && { password }), ...(door && { door }) };
    this.since = 0;
    this.#been = false;
    this.#ghostUntil = token ? Date.now() + CLOSED * 1000 : 0;
    this.#tries = 0;
    this.#connect();
  }

  // What one comes back with, or null where one has left.
  get ticket() {
    return this.#been && this.#login?.token ? { name: this.#login.name, token: this.#login.token } : null;
  }

  // Returns whether it is on its way.
  send(request) {
    if (this.open) this.#socket.send(JSON.stringify(request));
    return this.open;
  }

  // The password to come back with, from now on.
  learn(password) {
    this.#login.password = password;
  }

  // Somebody looks at the page: he need not wait for the next try, nor for a connection that is dead.
  hurry() {
    if (this.#login && !this.#socket) this.#connect();
    else if (this.open) this.#ask(LOOK);
  }

  // The network is back.
  #again() {
    if (this.#login && !this.open) this.#drop();
    this.hurry();
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#tell("connecting", this.#been ? "Connecting again …" : "Connecting …");
    const socket = (this.#socket = new WebSocket(this.#address));
    socket.onopen = () => socket.send(JSON.stringify({ ...this.#login, since: this.since }));
    socket.onmessage = (message) => this.#hear(message.data);
    socket.onclose = () => this.#retry("The connection is gone");
    this.#expect(CONNECT);
  }

  #hear(data) {
    this.#expect(SILENCE);
    const event = JSON.parse(data);
    if (event.event === "ping") this.#socket.send('{"do":"pong"}');
    else if (event.event === "welcome") this.#arrive(event);
    else if (event.event === "goodbye") this.#end(event);
    else if (event.event === "refused" && !this.open) this.#refused(event);
    else if (this.#held) this.#hold(event);
    else this.#pass(event);
  }

  // Whoever comes with a token asks something at once: what was missed stands before the answer, if he is back.
  #arrive(event) {
    const mayBeBack = this.#login.token;
    this.#login.token = event.token;
    this.#held = [event];
    if (mayBeBack) this.#socket.send('{"do":"ping","ref":"back"}');
    else this.#settle(false);
  }

  #hold(event) {
    this.#held.push(event);
    if (event.event === "resumed") this.#settle(true);
    else if (event.event === "pong" && event.ref === "back") this.#settle(false);
  }

  #settle(back) {
    const [welcome, ...rest] = this.#held;
    this.#held = null;
    this.open = this.#been = true;
    this.#tries = this.#ghostUntil = 0;
    this.#login.name = welcome.name;
    this.since = welcome.id;
    this.#tell("connected", "");
    this.#deliver({ ...welcome, back });
    for (const event of rest) this.#pass(event);
  }

  #pass(event) {
    if (event.id > this.since && !event.history) this.since = event.id;
    if (event.event === "renamed" && event.old === this.#login.name) this.#login.name = event.new;
    this.#deliver(event);
  }

  #refused(event) {
    if (event.code === "name_taken" && Date.now() < this.#ghostUntil) return this.#retry("Your name is still held by your old connection");
    if (event.code === "busy") return this.#retry(event.text.replace(/\.$/, ""));
    this.#stop();
    this.#tell("refused", event.text, event.code);
  }

  #end(event) {
    this.#stop();
    this.#tell("ended", event.text, event.code);
  }

  #retry(why) {
    this.#drop();
    if (this.#been) this.#ghostUntil ||= Date.now() + GHOST * 1000;
    const longest = PAUSES[Math.min(this.#tries++, PAUSES.length - 1)];
    const seconds = longest * (0.5 + Math.random() / 2);
    this.#tell("retrying", `${why}; trying again${seconds < 2 ? "" : ` in ${Math.round(seconds)} s`} …`);
    this.#timer = setTimeout(() => this.#connect(), seconds * 1000);
  }

  // Ask a silent server whether it is there; take one that stays silent for lost.
  #expect(seconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.open) this.#ask(ANSWER);
      else this.#retry("The server does not answer");
    }, seconds * 1000);
  }

  #ask(seconds) {
    clearTimeout(this.#timer);
    this.#socket.send('{"do":"ping"}');
    this.#timer = setTimeout(() => this.#retry("The server does not answer"), seconds * 1000);
  }

  #stop() {
    this.#drop();
    this.#login = null;
    this.#ghostUntil = 0;
  }

  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = this.#held = null;
    this.open = false;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #tell(state, text, code = "") {
    this.#deliver({ event: "link", state, text, code });
  }
}
