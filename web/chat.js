// The rooms and private talks one is in, what stands in them, and what one looks at.
// It knows neither how one's own messages get there (own.js), nor what the server's objects mean (meaning.js), nor
// the page, which hears of every change by `page`.

import { receive } from "./meaning.js";
import { Own } from "./own.js";
import { Past } from "./past.js";
import { Talk } from "./talk.js";

const KNOWN = 50_000; // messages that are known again should they come twice

export class Chat {
  #refs = 0;
  #asked = new Map(); // what a request was about, by its ref
  #seen = new Set(); // id and time of what has come already

  // `page` has: looks(talk), changed(talk, atEnd), lists(), shown(), news(message), giveBack(text), learned(), link(news)
  // and forget().
  constructor(link, page) {
    this.link = link;
    this.page = page;
    this.own = new Own(this);
    this.past = new Past(this);
    this.forget();
  }

  // Whoever comes next at this screen finds nothing of the one before.
  forget() {
    this.#asked.clear();
    this.#seen.clear();
    this.own.forget();
    this.me = "";
    this.rooms = new Map();
    this.talks = new Map();
    this.places = []; // all rooms there are: { room, title, description, count }
    this.commands = []; // { verb, usage, help }
    this.home = null; // the room one talks in
    this.view = null; // the room or private talk one looks at
    this.wanted = ""; // the room to go to after the login
    this.missed = null; // while one comes back: what was missed, likewise ("" for private talk)
    this.recalled = new Map(); // what is told of a room to one who comes in: how many messages, from which id on
    this.note = null; // what the page before this one has left, until one is back
  }

  // What a page leaves for the one after it: how far one has heard, and what of it one has not looked at.
  leaveNote() {
    const unread = {};
    for (const talk of this.#all()) if (talk.unread && talk.mark?.id) unread[talk.place] = talk.mark.id;
    return { heard: this.link.since, unread, talk: this.view?.isPrivate ? this.view.key : "" };
  }

  receive(event) {
    receive(this, event);
  }

  // ---- what the page asks for

  look(talk) {
    if (!talk || talk === this.view) return;
    if (this.view) this.view.mark = null;
    this.view = talk;
    this.seen();
    this.page.shown();
    if (talk.isPrivate) this.past.begin(talk);
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
    else this.ask({ do: "join", room }, { about: "join" });
  }

  part(room) {
    this.ask({ do: "part", room }, { about: "part" });
  }

  talkWith(name) {
    this.look(this.privately(name));
  }

  survey() {
    this.ask({ do: "channels" }, { about: "survey" });
  }

  leave() {
    this.ask({ do: "quit" }, { about: "quit" });
  }

  get unread() {
    return this.#all().reduce((sum, talk) => sum + talk.unread, 0);
  }

  // ---- requests, and what they were about

  ask(request, context) {
    const ref = ++this.#refs;
    this.#asked.set(ref, context);
    return this.link.send({ ...request, ref });
  }

  about(event) {
    return this.#asked.get(event.ref) || {};
  }

  // What an answer is about, which is the only one to that request.
  take(event) {
    const context = this.about(event);
    this.#asked.delete(event.ref);
    return context;
  }

  // The connection is gone: nothing will be answered any more.
  cut() {
    for (const talk of this.#all()) talk.interrupt(this.link.since);
    this.own.cut([...this.#asked.values()]);
    this.#asked.clear();
    this.missed = null;
  }

  isNew(event) {
    const key = `${event.id} ${Date.parse(event.time)}`; // a server that keeps nothing counts from 1 after each start
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    if (this.#seen.size > KNOWN) this.#seen.delete(this.#seen.values().next().value);
    return true;
  }

  // ---- where messages stand

  put(message, talks, inOrder = false) {
    message.places = [...new Set(talks)];
    const fresh = !message.own && !message.history && !message.places.some((talk) => this.#wasSeen(talk, message));
    for (const talk of message.places) {
      const atEnd = talk.add(message, inOrder);
      if (atEnd) for (const { id, at } of talk.trim()) this.#seen.delete(`${id} ${at}`);
      if (fresh && !message.places.some((place) => this.page.looks(place))) this.#missed(talk, message);
      this.page.changed(talk, atEnd);
    }
    if (fresh) this.page.news(message);
  }

  // Says something about the chat, rather than in it.
  say(talk, kind, event, text) {
    const message = { kind, at: Date.parse(event.time), text, places: [talk] };
    this.page.changed(talk, talk.add(message));
    return message;
  }

  also(message, talk) {
    if (message.places.includes(talk)) return;
    message.places.push(talk);
    talk.add(message);
  }

  remove(message) {
    for (const talk of message.places) {
      talk.remove(message);
      this.page.changed(talk, false);
    }
  }

  room(key, title = key) {
    if (!this.rooms.has(key)) this.rooms.set(key, new Talk(key, title));
    return this.rooms.get(key);
  }

  privately(name) {
    const key = name.toLowerCase();
    if (!this.talks.has(key)) {
      this.talks.set(key, new Talk(name, name, true));
      this.page.lists();
    }
    return this.talks.get(key);
  }

  // A private talk goes on under the new name of the other.
  rekey(old, name) {
    const talk = this.talks.get(old.toLowerCase());
    if (!talk) return;
    this.talks.delete(old.toLowerCase());
    talk.key = talk.title = name;
    this.talks.set(name.toLowerCase(), talk);
    if (talk === this.view) this.page.shown();
  }

  #all() {
    return [...this.rooms.values(), ...this.talks.values()];
  }

  // Whether somebody has looked at a message before the page was loaded anew.
  #wasSeen(talk, { id }) {
    const first = this.note?.unread[talk.place];
    return this.note !== null && id <= this.note.heard && !(id >= first);
  }

  // A private message counts once, in its talk, though it stands in the room as well.
  #missed(talk, message) {
    if (message.kind !== "whispered" || talk.isPrivate) talk.missed(message);
    else talk.mark ||= message;
    const room = message.places.find((place) => !place.isPrivate);
    if (talk.isPrivate) talk.inlined = room;
    this.page.lists();
  }
}
