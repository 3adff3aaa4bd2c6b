// The lists beside the log: rooms, private talks, people. Each is made anew from what there is when that has changed.

import { initial } from "./rows.js";
import { clean, make } from "./words.js";

const SHOWN = 300; // people in the page; more are counted
const OTHERS = 12; // rooms one is not in; more are shown where one asks for them

export class Lists {
  #find;
  #chat;
  #actions;
  #due = false;
  #all = false; // whether all rooms are shown

  // `actions`: join(room), part(room), talk(name), write(name).
  constructor(find, chat, actions) {
    this.#find = find;
    this.#chat = chat;
    this.#actions = actions;
  }

  changed() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
    });
  }

  // Shows the room or talk so many places below the one that is shown; after the last comes the first.
  step(places) {
    const { rooms, talks, places: listed, view } = this.#chat;
    const known = [...listed.map(({ room }) => rooms.get(room)), ...rooms.values()].filter((room) => room?.joined);
    const all = [...new Set([...known, ...talks.values()])];
    const next = all[(all.indexOf(view) + places + all.length) % all.length];
    if (next.isPrivate) this.#actions.talk(next.key);
    else this.#actions.join(next.key);
  }

  #draw() {
    if (!this.#chat.view) return;
    fill(this.#find("room-list"), this.#rooms());
    const talks = [...this.#chat.talks.values()];
    fill(this.#find("talk-list"), talks.map((talk) => this.#talk(talk)));
    this.#find("talks").hidden = !talks.length;
    fill(this.#find("people-list"), this.#people());
    this.#find("me").textContent = clean(this.#chat.me);
    const here = String(this.#chat.home.people.size);
    this.#find("count").textContent = this.#find("count-small").textContent = here;
  }

  #rooms() {
    const { rooms, places, view } = this.#chat;
    const known = new Set(places.map(({ room }) => room));
    const others = [...rooms.values()].filter((room) => room.joined && !known.has(room.key));
    const listed = [...places, ...others.map(({ key, title, people }) => ({ room: key, title, count: people.size }))];
    const joined = listed.filter(({ room }) => rooms.get(room)?.joined);
    const away = listed.filter(({ room }) => !rooms.get(room)?.joined);
    const shown = this.#all || away.length <= OTHERS + 1 ? away : away.slice(0, OTHERS);
    const rows = [...joined, ...shown].map((place) => this.#room(place, rooms.get(place.room), view));
    return shown === away ? rows : [...rows, this.#more(away.length - OTHERS)];
  }

  #more(count) {
    const button = make("button", "line outside", `${count} more rooms`);
    button.type = "button";
    button.addEventListener("click", () => {
      this.#all = true;
      this.changed();
    });
    return make("li", "", button);
  }

  #room({ room, title, description, count }, known, view) {
    const inside = Boolean(known?.joined);
    const button = entry(clean(title), known?.unread, known === view && inside);
    button.classList.toggle("outside", !inside);
    button.title = description || "";
    if (!inside) button.append(pause(), make("span", "aside", `${count} here`), make("span", "unseen", ", not joined"));
    button.addEventListener("click", () => this.#actions.join(room));
    const item = make("li", "", button);
    if (inside && known === view && this.#joined() > 1) item.append(this.#way(room, title));
    return item;
  }

  // The way out of a room.
  #way(room, title) {
    const out = make("button", "out", "×");
    out.type = "button";
    out.title = `Leave ${title}`;
    out.setAttribute("aria-label", out.title);
    out.addEventListener("click", () => this.#actions.part(room));
    return out;
  }

  #joined() {
    return [...this.#chat.rooms.values()].filter((room) => room.joined).length;
  }

  #talk(talk) {
    const button = entry(clean(talk.title), talk.unread, talk === this.#chat.view, initial(clean(talk.title)));
    button.addEventListener("click", () => this.#actions.talk(talk.key));
    return make("li", "", button);
  }

  #people() {
    const { home, me } = this.#chat;
    const names = [...home.people].filter((name) => name !== me).sort((a, b) => a.localeCompare(b));
    if (home.people.has(me)) names.unshift(me);
    const rows = names.slice(0, SHOWN).map((name) => this.#person(name, name === me));
    if (names.length > SHOWN) rows.push(make("li", "more", `and ${names.length - SHOWN} more`));
    return rows;
  }

  #person(name, isMe) {
    const button = make("button", "line", initial(clean(name)), make("bdi", "label", clean(name)));
    button.type = "button";
    button.firstChild.setAttribute("aria-hidden", "true");
    if (isMe) button.append(pause(), make("span", "aside", "you"));
    else button.title = `Write to ${name} in private`;
    button.disabled = isMe;
    button.addEventListener("click", () => this.#actions.write(name));
    return make("li", "", button);
  }
}

function entry(label, unread, isCurrent, face) {
  const button = make("button", "line", ...(face ? [face] : []), make("bdi", "label", label));
  button.type = "button";
  face?.setAttribute("aria-hidden", "true");
  if (isCurrent) button.setAttribute("aria-current", "true");
  if (unread) button.append(pause(), make("span", "badge", String(unread)), make("span", "unseen", " unread"));
  return button;
}

// What keeps a number apart from the name before it, for those who hear them.
function pause() {
  return make("span", "unseen", ", ");
}

// Replaces what stands in a list, and leaves the focus where it was.
function fill(list, items) {
  const index = [...list.children].findIndex((item) => item.contains(document.activeElement));
  list.replaceChildren(...items);
  list.children[index]?.querySelector("button")?.focus();
}
