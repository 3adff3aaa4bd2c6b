// What the server's objects mean: it keeps rooms, private talks and one's own messages on their way.
// It knows the JSON wire (PROTOCOL.md), and nothing of the page, which hears of every change by `page`.

import { Talk } from "./talk.js";

const MOST_HISTORY = 500; // messages the server recalls at once
const LONGEST = 16_384; // characters in a message
const SECRET = /^\/(register|password)\s+(\S.*)$/i;

export class Chat {
  #refs = 0;
  #asked = new Map(); // what a request was about, by its ref
  #seen = new Set(); // id and time of what has come already
  #secret = "";

  // `page` has: looks(talk), changed(talk, atEnd), lists(), shown(), news(message), giveBack(text), link(news)
  // and forget().
  constructor(link, page) {
    this.link = link;
    this.page = page;
    this.forget();
  }

  // Whoever comes next at this screen finds nothing of the one before.
  forget() {
    this.#asked.clear();
    this.#seen.clear();
    this.#secret = "";
    this.me = "";
    this.rooms = new Map();
    this.talks = new Map();
    this.places = []; // all rooms there are: { room, title, description, count }
    this.commands = []; // { verb, usage, help }
    this.home = null; // the room one talks in
    this.view = null; // the room or private talk one looks at
    this.wanted = ""; // the room to go to after the login
  }

  // ---- what the page asks for

  // Says or does what was typed. Returns an error in words, or "" where it is on its way.
  enter(text) {
    if ([...text].length > LONGEST) return `A message has at most ${LONGEST.toLocaleString("en")} characters.`;
    if (!this.link.open) return "Not connected just now; your text stays here.";
    const request = this.#read(text);
    if (request.do === "line") this.#ask(request, { about: "line", line: text });
    else this.#speak(request, text);
    return "";
  }

  again(message) {
    this.withdraw(message);
    this.#speak(message.request, message.typed);
  }

  // Takes a message away that did not reach anybody.
  withdraw(message) {
    for (const talk of message.places) {
      talk.remove(message);
      this.page.changed(talk, false);
    }
  }

  look(talk) {
    if (!talk || talk === this.view) return;
    if (this.view) this.view.mark = null;
    this.view = talk;
    this.seen();
    this.page.shown();
  }

  // Somebody looks at what is shown.
  seen() {
    if (!this.view) return;
    this.view.unread = 0;
    for (const talk of this.talks.values()) if (talk.inlined === this.view) talk.unread = 0;
  }

  join(room) {
    const known = this.rooms.get(room);
    if (known && known === this.home) this.look(known);
    else this.#ask({ do: "join", room }, { about: "join" });
  }

  part(room) {
    this.#ask({ do: "part", room }, { about: "part" });
  }

  talkWith(name) {
    this.look(this.#privately(name));
  }

  older() {
    const talk = this.view;
    if (talk.complete || talk.asking) return;
    const n = Math.min(MOST_HISTORY, talk.reached ? talk.reached * 3 : 150);
    talk.asking = this.#ask({ do: "history", n: String(n) }, { about: "older", talk, n });
  }

  survey() {
    this.#ask({ do: "channels" }, { about: "survey" });
  }

  leave() {
    this.#ask({ do: "quit" }, { about: "quit" });
  }

  get unread() {
    return [...this.rooms.values(), ...this.talks.values()].reduce((sum, talk) => sum + talk.unread, 0);
  }

  // ---- what the server tells

  receive(event) {
    const handle = MEANING[event.event];
    if (handle) handle(this, event);
  }

  linked(news) {
    if (news.state === "retrying") this.#cut();
    this.page.link(news);
  }

  welcomed(event) {
    if (this.me && this.me !== event.name) this.page.forget();
    this.me = event.name;
    const rooms = [...this.rooms.values()].filter((room) => room.joined && room.key !== event.room);
    const before = this.home;
    this.home = this.#settle(event);
    this.#greet(event, `You are here as ${event.name}.`);
    if (!this.view) this.look(this.home);
    this.#ask({ do: "help" }, { about: "commands" });
    if (before) this.#comeBack(rooms, before);
    else if (this.wanted && this.wanted !== event.room) this.join(this.wanted);
    this.survey();
  }

  // After a lost connection: back into every room, the one that was shown last.
  #comeBack(rooms, last) {
    const order = [...rooms.filter((room) => room !== last), last].filter((room) => rooms.includes(room));
    for (const room of order) this.#ask({ do: "join", room: room.key }, { about: "rejoin" });
  }

  joined(event) {
    const { about } = this.#take(event);
    const fresh = !this.rooms.get(event.room)?.joined;
    this.home = this.#settle(event);
    if (fresh) this.#greet(event, `You came into ${this.home.title}.`);
    if (about !== "rejoin") this.look(this.home);
    this.survey();
    this.page.lists();
  }

  parted(event) {
    this.#take(event);
    const room = this.#room(event.room, event.title);
    room.joined = false;
    this.home = this.#room(event.current, event.current_title);
    if (this.view === room) this.look(this.home);
    this.survey();
    this.page.lists();
  }

  #greet(event, text) {
    this.home.greeting = this.#say(this.home, "note", event, text);
    this.home.greeting.divider = true;
  }

  #settle(event) {
    const room = this.#room(event.room, event.title);
    room.title = event.title;
    room.description = event.description ?? room.description;
    room.people = new Set(event.users);
    room.joined = true;
    this.page.lists();
    return room;
  }

  said(event) {
    if (!this.#isNew(event)) return;
    const talk = this.#room(event.room, event.room);
    if (event.history && event.from === this.me && this.#arrived(talk, event)) return;
    this.#put(this.#message(event, talk), [talk], event.history);
  }

  whispered(event) {
    if (!this.#isNew(event)) return;
    const own = event.from === this.me;
    if (event.history && own && this.#arrived(this.#privately(event.to[0]), event)) return;
    const asked = this.#asked.get(event.ref);
    const sort = event.history && asked?.line === undefined;
    const talks = (own ? event.to : [event.from]).map((name) => this.#privately(name));
    const places = talks.includes(this.view) || sort ? talks : [...talks, this.#inlineRoom()];
    this.#put(this.#message(event, talks[0]), places, sort);
  }

  #inlineRoom() {
    return this.view.isPrivate ? this.home : this.view;
  }

  accepted(event) {
    const { message } = this.#take(event);
    if (!this.#isNew(event)) return;
    if (!message) return this.#confirmed(event);
    message.state = undefined;
    message.at = Date.parse(event.time);
    message.remark = remark(event);
    const room = event.room && this.rooms.get(event.room);
    if (room && !message.places.includes(room)) this.#move(message, room);
    for (const name of [...(event.to || []), ...(event.kept || [])]) this.#also(message, this.#privately(name));
    for (const talk of message.places) this.page.changed(talk, true);
  }

  // One's own message, said by way of a command.
  #confirmed(event) {
    const kind = { say: "said", me: "acted", msg: "whispered" }[event.do];
    const talks = () => event.to.map((name) => this.#privately(name));
    const places = event.room ? [this.rooms.get(event.room)] : [...talks(), this.home];
    const { to, text } = event;
    const at = Date.parse(event.time);
    this.#put({ kind, at, from: this.me, to, text, own: true, remark: remark(event) }, places, false);
  }

  refused(event) {
    const { about, message, line, talk } = this.#take(event);
    if (message) this.withdraw(message);
    if (about === "older") talk.asking = false;
    if (["older", "commands", "survey", "quit"].includes(about)) return;
    const text = message ? message.typed : line;
    const back = !text || this.page.giveBack(text);
    if (message && !back) this.#fail(message, event.text);
    else this.#say(this.view, "trouble", event, event.text);
  }

  entered(event) {
    const room = this.#room(event.room, event.room);
    if (room.people.has(event.name)) return;
    room.people.add(event.name);
    this.#moved(room, event, "came in");
  }

  left(event) {
    const room = this.#room(event.room, event.room);
    room.people.delete(event.name);
    if (event.kicked || event.reason) {
      const how = event.kicked ? "was put out" : "went";
      this.#say(room, "note", event, `${event.name} ${how}${event.reason ? `: ${event.reason}` : "."}`);
      this.page.lists();
    } else this.#moved(room, event, "went");
  }

  // A whole class comes in one line.
  #moved(room, event, verb) {
    const last = room.messages[room.messages.length - 1];
    if (last?.verb === verb && last.names.length < 30) {
      last.names.push(event.name);
      last.text = `${last.names.join(", ")} ${verb}.`;
      this.page.changed(room, true);
    } else {
      const note = this.#say(room, "note", event, `${event.name} ${verb}.`);
      Object.assign(note, { verb, names: [event.name] });
    }
    this.page.lists();
  }

  renamed(event) {
    this.#take(event);
    const own = event.old === this.me;
    if (own) this.me = event.new;
    this.#rekey(event.old, event.new);
    for (const room of this.rooms.values()) {
      if (!room.people.has(event.old)) continue;
      room.rename(event.old, event.new);
      this.#say(room, "note", event, own ? `You are now ${event.new}.` : `${event.old} is now ${event.new}.`);
    }
    this.page.lists();
  }

  told(event) {
    const { about, talk } = this.#take(event);
    if (about === "commands") return this.#learn(event.text);
    if (about === "older") return void (talk.complete = true);
    if (["register", "password"].includes(event.about) && this.#secret) this.link.learn(this.#secret);
    this.#say(this.view, "answer", event, event.text);
  }

  listed(event) {
    this.#take(event);
    const rows = event.users.map(({ name, seconds, rooms }) => `${name}  ${length(seconds)}, in ${rooms.join(", ")}`);
    this.#say(this.view, "answer", event, rows.join("\n") || "Nobody else is here.");
  }

  channels(event) {
    const { about } = this.#take(event);
    this.places = event.channels;
    for (const { room, title, description } of this.places) {
      const known = this.rooms.get(room);
      if (known) Object.assign(known, { title, description });
    }
    this.page.lists();
    if (about === "survey") return;
    const rows = event.channels.map(({ title, description, count }) => `${title}  ${count} here. ${description}`);
    this.#say(this.view, "answer", event, rows.join("\n"));
  }

  spotted(event) {
    this.#say(this.view, "note", event, `${event.name}, whom you watch for, is on line.`);
  }

  recalled(event) {
    const { about, talk, n, line } = this.#take(event);
    if (this.rooms.has(event.room)) this.rooms.get(event.room).cut = 0;
    if (about === "older") {
      talk.asking = false;
      talk.reached = n;
      talk.complete = event.count < n || n === MOST_HISTORY;
    } else if (line) {
      this.#say(this.view, "note", event, `${event.count} messages were recalled; they stand where their time says.`);
    }
    const greeting = !about && event.count && this.rooms.get(event.room)?.greeting;
    if (greeting) greeting.text += " Above is what was said before.";
    this.page.changed(this.view, false);
  }

  // ---- one's own messages

  #read(text) {
    if (text.startsWith("//")) return { do: "say", text: text.slice(1) };
    const [, verb = "", rest = ""] = text.match(/^\/(\S*)\s?([\s\S]*)$/) || [];
    const to = rest.match(/^\s*(\S*[^\s,])\s+(\S[\s\S]*)$/);
    if (["msg", "tell", "w"].includes(verb.toLowerCase()) && to) return { do: "msg", to: to[1], text: to[2] };
    if (["me", "say"].includes(verb.toLowerCase()) && rest.trim()) return { do: verb.toLowerCase(), text: rest };
    if (text.startsWith("/")) return this.#command(text);
    return this.view.isPrivate ? { do: "msg", to: this.view.key, text } : { do: "say", text };
  }

  #command(text) {
    const secret = text.match(SECRET);
    if (secret) this.#secret = secret[2].trim();
    return { do: "line", line: text };
  }

  #speak(request, typed) {
    if (request.do !== "msg" && this.view.isPrivate) this.look(this.home);
    const kind = { say: "said", me: "acted", msg: "whispered" }[request.do];
    const to = request.to?.split(",");
    const message = { kind, at: Date.now(), from: this.me, to, text: request.text, own: true, state: "pending" };
    Object.assign(message, { request, typed, places: [] });
    this.view.mark = null;
    const talks = to ? to.map((name) => this.talks.get(name.toLowerCase())).filter(Boolean) : [this.home];
    this.#put(message, talks.includes(this.view) ? talks : [...talks, this.view], false);
    this.#ask(request, { about: "message", message });
  }

  // What was lost on its way may have arrived: then it comes back as history, and is one's own.
  #arrived(talk, event) {
    const lost = talk.messages.find((message) => message.state && message.text === event.text);
    if (!lost) return false;
    Object.assign(lost, { state: undefined, remark: "", at: Date.parse(event.time) });
    this.page.changed(talk, false);
    return true;
  }

  #fail(message, why) {
    Object.assign(message, { state: "failed", remark: why });
    this.#put(message, message.places, false);
  }

  #cut() {
    const lost = { state: "failed", remark: "The connection went before this was confirmed." };
    for (const { message } of this.#asked.values()) if (message) Object.assign(message, lost);
    this.#asked.clear();
    for (const room of this.rooms.values()) {
      room.asking = false;
      room.cut ||= room.latest;
    }
    this.page.changed(this.view, false);
  }

  // ---- helpers

  #ask(request, context) {
    const ref = ++this.#refs;
    this.#asked.set(ref, context);
    return this.link.send({ ...request, ref });
  }

  #take(event) {
    const context = this.#asked.get(event.ref) || {};
    this.#asked.delete(event.ref);
    return context;
  }

  #isNew(event) {
    const key = `${event.id} ${event.time}`; // a server that keeps nothing counts from 1 after each start
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }

  #message(event, talk) {
    const at = Date.parse(event.time);
    const { from, to, text } = event;
    const history = Boolean(event.history) && !(talk.cut && at > talk.cut);
    return { kind: event.event, at, from, to, text, history, own: from === this.me, places: [] };
  }

  #put(message, talks, inOrder) {
    const fresh = !message.own && !message.history;
    message.places = [...new Set(talks)];
    for (const talk of message.places) {
      const atEnd = talk.add(message, inOrder);
      if (fresh && !message.places.some((place) => this.page.looks(place))) this.#missed(talk, message);
      this.page.changed(talk, atEnd);
    }
    if (fresh) this.page.news(message);
  }

  // A private message counts once, in its talk, though it stands in the room as well.
  #missed(talk, message) {
    if (message.kind !== "whispered" || talk.isPrivate) talk.missed(message);
    else talk.mark ||= message;
    const room = message.places.find((place) => !place.isPrivate);
    if (talk.isPrivate) talk.inlined = room;
    this.page.lists();
  }

  #also(message, talk) {
    if (message.places.includes(talk)) return;
    message.places.push(talk);
    talk.add(message);
  }

  #move(message, room) {
    for (const talk of message.places) {
      talk.remove(message);
      this.page.changed(talk, false);
    }
    message.places = [room];
    room.add(message);
  }

  #say(talk, kind, event, text) {
    const message = { kind, at: Date.parse(event.time), text, places: [talk] };
    this.page.changed(talk, talk.add(message));
    return message;
  }

  #room(key, title) {
    if (!this.rooms.has(key)) this.rooms.set(key, new Talk(key, title));
    return this.rooms.get(key);
  }

  #privately(name) {
    const key = name.toLowerCase();
    if (!this.talks.has(key)) {
      const talk = new Talk(name, name, true);
      talk.complete = true; // the server recalls rooms and talks together: what is older comes with the rooms
      this.talks.set(key, talk);
      this.page.lists();
    }
    return this.talks.get(key);
  }

  // A private talk goes on under the new name of the other.
  #rekey(old, name) {
    const talk = this.talks.get(old.toLowerCase());
    if (!talk) return;
    this.talks.delete(old.toLowerCase());
    talk.key = talk.title = name;
    this.talks.set(name.toLowerCase(), talk);
    if (talk === this.view) this.page.shown();
  }

  #learn(help) {
    const lines = help.split("\n").map((line) => line.match(/^(\/(\S+).*?)\s{2,}(.*)$/));
    this.commands = lines.filter(Boolean).map(([, usage, verb, text]) => ({ verb, usage, help: text }));
  }
}

const MEANING = {
  link: (chat, event) => chat.linked(event),
  welcome: (chat, event) => chat.welcomed(event),
  joined: (chat, event) => chat.joined(event),
  parted: (chat, event) => chat.parted(event),
  said: (chat, event) => chat.said(event),
  acted: (chat, event) => chat.said(event),
  whispered: (chat, event) => chat.whispered(event),
  accepted: (chat, event) => chat.accepted(event),
  refused: (chat, event) => chat.refused(event),
  entered: (chat, event) => chat.entered(event),
  left: (chat, event) => chat.left(event),
  renamed: (chat, event) => chat.renamed(event),
  told: (chat, event) => chat.told(event),
  listed: (chat, event) => chat.listed(event),
  channels: (chat, event) => chat.channels(event),
  seen: (chat, event) => chat.spotted(event),
  history: (chat, event) => chat.recalled(event),
};

function remark(event) {
  const kept = event.kept?.length ? `Kept for ${event.kept.join(", ")} until they come.` : "";
  const away = event.away?.length ? `Not here: ${event.away.join(", ")}.` : "";
  return [kept, away].filter(Boolean).join(" ");
}

function length(seconds) {
  if (seconds < 90) return `${seconds} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
