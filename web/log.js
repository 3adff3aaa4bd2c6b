// The pane of messages. It keeps a few hundred rows of a long talk in the page, and follows the end while one is there.

import { row, setting } from "./rows.js";

const STEP = 150; // rows that are added where one scrolls to
const MOST = 450; // rows in the page
const NEAR = 60; // pixels from the end that count as the end

export class Log {
  #list;
  #newest;
  #actions;
  #rows = new WeakMap(); // message -> { row, settings }
  #messages = new WeakMap(); // row -> message
  #talk = null;
  #first = 0;
  #last = 0;
  #follow = true;
  #total = 0; // messages there were when rows were made last
  #top = 0; // where it was scrolled to last
  #waiting = 0;
  #due = false;
  #whole = false;

  // `actions`: those of rows, me(), and older(), called where there may be more above.
  constructor(list, newest, actions) {
    this.#list = list;
    this.#newest = newest;
    this.#actions = actions;
    list.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    list.addEventListener("wheel", (event) => this.#turned(event), { passive: true });
    newest.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.#follow && this.#toBottom()).observe(list);
  }

  show(talk) {
    this.#talk = talk;
    this.#first = Math.max(0, talk.messages.length - STEP);
    const mark = talk.messages.indexOf(talk.mark);
    if (mark >= 0) this.#first = Math.max(0, Math.min(this.#first, mark - 20));
    this.#last = Math.min(talk.messages.length, this.#first + MOST);
    this.#follow = true;
    this.#draw();
    if (mark >= 0) this.#rows.get(talk.mark)?.row.scrollIntoView({ block: "center" });
    else this.#toBottom();
    this.#scrolled();
    this.#count(0);
  }

  toEnd() {
    if (this.#last < this.#talk.messages.length) this.show(this.#talk);
    this.#follow = true;
    this.#toBottom();
    this.#count(0);
  }

  // Shows all of a long text; it is read from its beginning.
  unfold(message) {
    message.unfolded = true;
    this.#follow = false;
    this.#keepPlace(() => this.#draw());
    this.#count(0);
    this.#list.focus();
  }

  // Something was added or changed; the page follows before it is painted next.
  changed(talk, atEnd) {
    if (talk !== this.#talk) return;
    this.#whole ||= !atEnd;
    if (atEnd && !this.#follow) this.#count(this.#waiting + 1);
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => this.#update());
  }

  #update() {
    this.#due = false;
    const total = this.#talk.messages.length;
    const grown = total - this.#last;
    if (this.#whole || grown < 0 || (this.#follow && grown > STEP)) return this.#redraw();
    this.#total = total;
    if (!this.#follow && total - this.#first > MOST) return; // they are shown when one scrolls there
    this.#last = total;
    this.#append(this.#list.children.length);
    if (!this.#follow) return;
    if (this.#list.children.length > MOST) this.#trim();
    this.#toBottom();
    this.#count(0);
  }

  #redraw() {
    this.#whole = false;
    const total = this.#talk.messages.length;
    if (this.#follow) {
      this.#last = total;
      this.#first = Math.max(0, total - Math.max(STEP, this.#list.children.length));
      this.#draw();
      return this.#toBottom();
    }
    this.#keepPlace(() => {
      this.#last = Math.min(total, this.#first + MOST);
      this.#draw();
    });
  }

  // Adds the rows behind the first `from`; those before it may have changed their state.
  #append(from) {
    const start = Math.max(0, this.#last - this.#first - STEP);
    for (let index = start; index < this.#last - this.#first; index++) {
      const wanted = this.#row(this.#first + index);
      const there = this.#list.children[index];
      if (index >= from || !there) this.#list.append(wanted);
      else if (there !== wanted) there.replaceWith(wanted);
    }
  }

  #trim() {
    const extra = this.#list.children.length - (MOST - STEP);
    for (let count = 0; count < extra; count++) this.#list.firstChild.remove();
    this.#first += extra;
  }

  // All rows anew, without a screen reader reading them out.
  #draw() {
    this.#total = this.#talk.messages.length;
    this.#list.setAttribute("aria-live", "off");
    const rows = [];
    for (let index = this.#first; index < this.#last; index++) rows.push(this.#row(index));
    this.#list.replaceChildren(...rows);
    setTimeout(() => this.#list.setAttribute("aria-live", "polite"), 100);
  }

  #row(index) {
    const { messages, mark } = this.#talk;
    const message = messages[index];
    const me = this.#actions.me();
    const settings = setting(message, messages[index - 1], message === mark, me);
    const known = this.#rows.get(message);
    if (known?.settings === settings) return known.row;
    const made = row(message, settings, me, this.#actions);
    this.#rows.set(message, { row: made, settings });
    this.#messages.set(made, message);
    return made;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    const below = scrollHeight - clientHeight - scrollTop;
    const total = this.#total;
    this.#follow = below < NEAR && this.#last === total;
    if (this.#follow) this.#count(0);
    else if (below > clientHeight) this.#newest.hidden = false;
    if (scrollTop < clientHeight && this.#first > 0) this.#slide(Math.max(0, this.#first - STEP));
    else if (below < clientHeight && this.#last < total) this.#slide(Math.min(total, this.#last + STEP) - MOST);
    else if (scrollTop < NEAR && scrollTop < this.#top) this.#actions.older();
    this.#top = this.#list.scrollTop;
  }

  // At the top there is nothing to scroll, but perhaps something older.
  #turned({ deltaY }) {
    if (deltaY < 0 && this.#talk && !this.#first && !this.#list.scrollTop) this.#actions.older();
  }

  #slide(first) {
    this.#keepPlace(() => {
      this.#first = Math.max(0, first);
      this.#last = Math.min(this.#talk.messages.length, this.#first + MOST);
      this.#draw();
    });
  }

  // Does `change` so that what is read stays where it is, also where its row is made anew.
  #keepPlace(change) {
    const top = this.#list.getBoundingClientRect().top;
    const read = this.#messages.get([...this.#list.children].find((item) => item.getBoundingClientRect().bottom > top));
    const before = this.#height(read);
    change();
    const after = this.#height(read);
    if (before !== undefined && after !== undefined) this.#list.scrollTop += after - before;
  }

  // Where a message stands on the screen, without a heading above it.
  #height(message) {
    const found = message && this.#rows.get(message)?.row;
    return found?.isConnected ? found.lastElementChild.getBoundingClientRect().top : undefined;
  }

  #toBottom() {
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  #count(waiting) {
    this.#waiting = waiting;
    this.#newest.hidden = this.#follow;
    this.#newest.textContent = waiting ? `${waiting} new ↓` : "To the newest ↓";
  }
}
