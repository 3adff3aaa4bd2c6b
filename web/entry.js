// Where one writes: the growing field, the completion of /commands and names, what was sent before, and emoji.

import { secretIn } from "./secret.js";
import { make } from "./words.js";

const FACES = "😀 😄 😂 🙂 😉 😍 🤔 😮 😢 😴 😎 🥳";
const HANDS = "👍 👎 👏 🙌 🙏 👋 💪 🤝 ✅ ❌ ❓ ❗";
const THINGS = "💡 📌 📚 ✏️ ⏰ ☕ 🎉 ❤️ 🔥 ⭐ 🌧️ ☀️";
const EMOJI = [FACES, HANDS, THINGS].join(" ").split(" ");
const OFFERED = 60; // completions in the list
const RECALLED = 100; // lines that Up brings back

export class Entry {
  #field;
  #choices;
  #find;
  #source;
  #options = [];
  #chosen = -1;
  #sent = [];
  #back = 0;

  // `source`: commands(), names(), rooms(), me(), and send(text), which returns an error in words or "".
  constructor(find, source) {
    this.#find = find;
    this.#field = find("entry");
    this.#choices = find("choices");
    this.#source = source;
    this.#field.addEventListener("input", () => this.#changed());
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    this.#field.addEventListener("blur", () => this.#offer([]));
    this.#choices.addEventListener("pointerdown", (event) => this.#pointed(event));
    find("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#palette();
  }

  focus() {
    this.#field.focus();
  }

  // Begins a private message to `name`; what was written already becomes its text.
  write(name) {
    const text = this.#field.value.replace(/^\/msg\s+\S+\s*/, "");
    this.#set(`/msg ${name} ${text}`);
    this.focus();
  }

  // Puts refused text back, unless something else has been begun. Returns whether it did.
  giveBack(text) {
    if (this.#field.value.trim()) return false;
    this.#set(text);
    this.focus();
    return true;
  }

  // The commands have become known: whoever has begun one already is offered how it goes on.
  learned() {
    if (this.#field.value.startsWith("/")) this.#changed();
  }

  // What is written and not sent, unless it is nobody's business.
  get draft() {
    return secretIn(this.#field.value) === null ? this.#field.value : "";
  }

  forget() {
    this.#sent = [];
    this.#set("");
  }

  hint(text) {
    this.#find("hint").textContent = text;
  }

  #set(text) {
    this.#field.value = text;
    this.#changed();
    this.#offer([]);
  }

  #changed() {
    this.hint("");
    this.#field.style.height = "auto";
    this.#field.style.height = `${Math.min(this.#field.scrollHeight + 2, innerHeight * 0.35)}px`;
    const to = this.#field.value.match(/^\/(?:msg|tell|w)\s+(\S+)/i);
    const secret = secretIn(this.#field.value) !== null;
    this.#find("composer").classList.toggle("privately", Boolean(to));
    this.#field.classList.toggle("secret", secret);
    if (secret) this.hint("What you type now is not shown.");
    else if (to) this.hint(`Private, to ${to[1].replaceAll(",", ", ")} only`);
    const line = this.#beforeCaret();
    if (/^\/\S*$/.test(line) && !line.startsWith("//")) this.#offer(this.#verbs(line.slice(1)));
    else this.#offer([]);
  }

  #send() {
    const text = this.#field.value.replace(/\s+$/, "");
    if (!text.trim()) return;
    const trouble = this.#source.send(text);
    if (trouble) return this.hint(trouble);
    this.#keep(text);
    if (this.#field.value.replace(/\s+$/, "") === text) this.#set("");
  }

  #key(event) {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const offering = this.#options.length > 0;
    if (event.key === "Enter" && !event.shiftKey) {
      if (offering && this.#chosen >= 0) this.#take(this.#options[this.#chosen]);
      else this.#send();
    } else if (event.key === "Tab" && !event.shiftKey) {
      if (!this.#complete()) return;
    } else if (offering && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.#choose((this.#chosen + step + this.#options.length) % this.#options.length);
    } else if (offering && event.key === "Escape") {
      this.#offer([]);
      event.stopPropagation();
    } else if (event.key === "ArrowUp" && this.#mayRecall()) {
      this.#recall(1);
    } else if (event.key === "ArrowDown" && this.#back) {
      this.#recall(-1);
    } else return;
    event.preventDefault();
  }

  // ---- what was sent before

  // Of a command with a password the command alone is kept.
  #keep(text) {
    const start = secretIn(text);
    const kept = start === null ? text : text.slice(0, start).trimEnd();
    this.#sent = [...this.#sent.filter((line) => line !== kept), kept].slice(-RECALLED);
    this.#back = 0;
  }

  #mayRecall() {
    return this.#sent.length > 0 && (!this.#field.value || this.#back > 0);
  }

  #recall(step) {
    this.#back = Math.max(0, Math.min(this.#sent.length, this.#back + step));
    const back = this.#back;
    this.#set(back ? this.#sent[this.#sent.length - back] : "");
    this.#back = back;
  }

  // ---- completion

  #beforeCaret() {
    return this.#field.value.slice(0, this.#field.selectionStart);
  }

  // Tab: takes the only completion, or offers several. Returns false where there is none: Tab then moves on.
  #complete() {
    if (this.#options.length) {
      this.#take(this.#options[Math.max(0, this.#chosen)]);
      return true;
    }
    const options = this.#possible(this.#beforeCaret());
    if (options.length === 1) this.#take(options[0]);
    else if (options.length) this.#offer(options, 0);
    return options.length > 0;
  }

  #possible(line) {
    if (/^\/\S*$/.test(line)) return this.#verbs(line.slice(1));
    const word = line.match(/[^\s,]*$/)[0];
    if (/^\/(join|j|part)\s+\S*$/i.test(line)) return this.#words(word, this.#source.rooms(), " ");
    const start = word.startsWith("@") ? "@" : "";
    if (word.length <= start.length && !/^\/\S+\s+$/.test(line)) return [];
    const end = line.length === word.length ? ", " : " ";
    return this.#words(word, this.#source.names().map((name) => start + name), end);
  }

  #words(word, found, end) {
    const fits = found.filter((name) => name.toLowerCase().startsWith(word.toLowerCase()));
    return fits.sort((a, b) => a.localeCompare(b)).map((name) => ({ word, insert: name + end, label: name, help: "" }));
  }

  #verbs(begun) {
    const fits = this.#source.commands().filter(({ verb }) => verb.startsWith(begun.toLowerCase()));
    return fits.map(({ verb, usage, help }) => ({ word: `/${begun}`, insert: `/${verb} `, label: usage, help }));
  }

  #take({ word, insert }) {
    const caret = this.#field.selectionStart;
    this.#field.setRangeText(insert, caret - word.length, caret, "end");
    this.#changed();
    this.#offer([]);
  }

  #offer(options, chosen = -1) {
    this.#options = options.slice(0, OFFERED);
    this.#choices.hidden = !this.#options.length;
    if (options.length) this.hint(`${options.length} completions: the arrow keys choose, Tab takes one.`);
    this.#choices.replaceChildren(...this.#options.map(choice));
    this.#choose(chosen);
  }

  #choose(index) {
    this.#chosen = index;
    [...this.#choices.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
    this.#choices.children[index]?.scrollIntoView({ block: "nearest" });
    if (index >= 0) this.#field.setAttribute("aria-activedescendant", `choice-${index}`);
    else this.#field.removeAttribute("aria-activedescendant");
  }

  #pointed(event) {
    const item = event.target.closest("li");
    event.preventDefault();
    if (item) this.#take(this.#options[[...this.#choices.children].indexOf(item)]);
  }

  // ---- emoji

  #palette() {
    const palette = this.#find("palette");
    const opener = this.#find("emoji");
    const open = (isOpen) => {
      palette.hidden = !isOpen;
      opener.setAttribute("aria-expanded", String(isOpen));
    };
    opener.addEventListener("click", () => {
      open(palette.hidden);
      if (!palette.hidden) palette.firstChild.focus();
    });
    palette.append(...EMOJI.map((emoji) => this.#emoji(emoji, open)));
    palette.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      open(false);
      this.focus();
    });
    this.#find("composer").addEventListener("focusout", (event) => {
      if (!this.#find("composer").contains(event.relatedTarget)) open(false);
    });
  }

  #emoji(emoji, open) {
    const button = make("button", "", emoji);
    button.type = "button";
    button.addEventListener("click", () => {
      this.#field.setRangeText(emoji, this.#field.selectionStart, this.#field.selectionEnd, "end");
      open(false);
      this.focus();
      this.#changed();
    });
    return button;
  }
}

function choice({ label, help }, index) {
  const item = make("li", "", make("span", "usage", label), make("span", "aside", help));
  item.id = `choice-${index}`;
  item.setAttribute("role", "option");
  return item;
}
