// One's own messages: how typed text becomes one, and what becomes of it until the server has it, even where the
// connection goes meanwhile. A message is sent twice only where the server has told that it never came.

import { secretIn } from "./secret.js";
import { REMEMBERED } from "./talk.js";
import { clean } from "./words.js";

const LONGEST = 16_384; // characters in a message
const CHANGES = /^\/(register|password)\s+(\S.*)$/i; // what changes the password one comes back with
const KINDS = { say: "said", me: "acted", msg: "whispered" };

export class Own {
  #chat;
  #lost = []; // messages that were on their way when the connection went, in the order in which they were sent
  #secret = "";

  constructor(chat) {
    this.#chat = chat;
  }

  forget() {
    this.#lost = [];
    this.#secret = "";
  }

  // Says or does what was typed. Returns an error in words, or "" where it is on its way.
  enter(text) {
    if ([...text].length > LONGEST) return `A message has at most ${LONGEST.toLocaleString("en")} characters.`;
    if (!this.#chat.link.open) return "Not connected just now; your text stays here.";
    const request = this.#read(secretIn(text) === null ? text : text.trimStart());
    if (request.do === "line") this.#chat.ask(request, { about: "line", line: text });
    else this.#speak(request, text);
    return "";
  }

  again(message) {
    if (!this.#chat.link.open) return;
    this.withdraw(message);
    this.#speak(message.request, message.typed);
  }

  // Takes a message away that did not reach anybody.
  withdraw(message) {
    this.#lost = this.#lost.filter((other) => other !== message);
    this.#chat.remove(message);
  }

  // The password has been changed to the one that was typed.
  secretAccepted() {
    if (this.#secret) this.#chat.link.learn(this.#secret);
  }

  // ---- what the server says to it

  accepted(event, message) {
    const chat = this.#chat;
    if (!chat.isNew(event)) return;
    if (!message && this.found({ ...event, event: KINDS[event.do] })) return;
    const talks = this.#readers(event);
    if (!message) return this.#confirmed(event, talks);
    this.#settle(message, event);
    const room = event.room && chat.rooms.get(event.room);
    if (room && !message.places.includes(room)) {
      chat.remove(message);
      chat.put(message, [room]);
    }
    for (const talk of talks) chat.also(message, talk);
    for (const talk of message.places) chat.page.changed(talk, true);
  }

  refused(event, message) {
    this.#chat.remove(message);
    const isBack = this.#chat.page.giveBack(message.typed);
    if (isBack) this.#chat.say(this.#chat.view, "trouble", event, event.text);
    else this.#fail(message, event.text);
  }

  // One's own message as the server tells it to whoever comes back. Returns whether it is one that was lost.
  found(event) {
    const lost = this.#lost.find((message) => isSame(message, event));
    if (!lost) return false;
    this.#lost = this.#lost.filter((message) => message !== lost);
    this.#settle(lost, event);
    for (const talk of lost.places) this.#chat.page.changed(talk, false);
    return true;
  }

  // ---- a lost connection

  // What is on its way may have arrived or not: the server tells, if it is asked for all that happened since then.
  cut(contexts) {
    const chat = this.#chat;
    for (const { message } of contexts) {
      if (!message) continue;
      this.#lost.push(message);
      chat.link.since = Math.min(chat.link.since, message.after);
    }
    const now = { time: new Date().toISOString() };
    for (const { line } of contexts) {
      if (line) chat.say(chat.view, "trouble", now, `The connection went before ${line.split(/\s/)[0]} was answered.`);
    }
  }

  // One is back where one was, and has heard all messages that arrived: the others never did.
  resumed(missed, isCut) {
    const lost = this.#lost.filter((message) => message.state === "pending");
    for (const message of lost) {
      if (!isCut && this.#mayRepeat(message, missed)) this.#repeat(message);
      else this.#doubt(message);
    }
  }

  // One has had to come in anew, and the server does not know what it had.
  anew() {
    for (const message of this.#lost) this.#doubt(message);
  }

  #mayRepeat(message, missed) {
    const { places, request } = message;
    if (message.repeated) return false;
    if (request.do === "msg") return (missed.get("") || 0) < REMEMBERED.person;
    const { home } = this.#chat;
    return places.includes(home) && (missed.get(home.key) || 0) < REMEMBERED.room;
  }

  #repeat(message) {
    this.#lost = this.#lost.filter((other) => other !== message);
    message.repeated = true;
    this.#send(message);
  }

  #doubt(message) {
    Object.assign(message, { state: "failed", remark: "The connection went before this was confirmed." });
    for (const talk of message.places) this.#chat.page.changed(talk, false);
  }

  // ---- within

  #read(text) {
    if (text.startsWith("//")) return { do: "say", text: text.slice(1) };
    const [, verb = "", rest = ""] = text.match(/^\/(\S*)\s?([\s\S]*)$/) || [];
    const to = rest.match(/^\s*(\S*[^\s,])\s+(\S[\s\S]*)$/);
    if (["msg", "tell", "w"].includes(verb.toLowerCase()) && to) return { do: "msg", to: to[1], text: to[2] };
    if (["me", "say"].includes(verb.toLowerCase()) && rest.trim()) return { do: verb.toLowerCase(), text: rest };
    if (text.startsWith("/")) return this.#command(text);
    const { view } = this.#chat;
    return view.isPrivate ? { do: "msg", to: view.key, text } : { do: "say", text };
  }

  #command(text) {
    const secret = text.match(CHANGES);
    if (secret) this.#secret = secret[2].trim();
    return { do: "line", line: text };
  }

  #speak(request, typed) {
    const chat = this.#chat;
    if (request.do !== "msg" && chat.view.isPrivate) chat.look(chat.home);
    const to = request.to?.split(",");
    const message = { kind: KINDS[request.do], at: Date.now(), from: chat.me, to, text: request.text, own: true };
    Object.assign(message, { request, typed, state: "pending", places: [] });
    chat.view.mark = null;
    const talks = to ? to.map((name) => chat.talks.get(name.toLowerCase())).filter(Boolean) : [chat.home];
    chat.put(message, talks.includes(chat.view) ? talks : [...talks, chat.view]);
    this.#send(message);
  }

  #send(message) {
    message.after = this.#chat.link.since; // its id will be higher
    this.#chat.ask(message.request, { about: "message", message });
  }

  // One's own message, said by way of a command, or in a life before.
  #confirmed(event, talks) {
    const places = event.room ? [this.#chat.room(event.room)] : [...talks, this.#chat.home];
    const { id, to, text, time } = event;
    const message = { kind: KINDS[event.do], id, at: Date.parse(time), from: this.#chat.me, to, text, own: true };
    this.#chat.put({ ...message, remark: remark(event) }, places);
  }

  #readers(event) {
    return [...(event.to || []), ...(event.kept || [])].map((name) => this.#chat.privately(name));
  }

  #settle(message, event) {
    Object.assign(message, { state: undefined, id: event.id, at: Date.parse(event.time), remark: remark(event) });
  }

  #fail(message, why) {
    Object.assign(message, { state: "failed", remark: why });
    this.#chat.put(message, message.places);
  }
}

// Whether `event` is what became of `message`: the server counts on, and takes out what is not to be seen.
function isSame(message, event) {
  if (message.kind !== event.event || event.id <= message.after) return false;
  const to = new Set(message.to?.map((name) => name.toLowerCase()));
  return bare(message.text) === bare(event.text) && (event.to || []).every((name) => to.has(name.toLowerCase()));
}

function bare(text) {
  return clean(text).replace(/[^\p{L}\p{N}\p{P}\p{S}]/gu, "");
}

function remark(event) {
  const kept = event.kept?.length ? `Kept for ${event.kept.join(", ")} until they come.` : "";
  const away = event.away?.length ? `Not here: ${event.away.join(", ")}.` : "";
  return [kept, away].filter(Boolean).join(" ");
}
