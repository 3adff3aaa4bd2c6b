// What was said before one came, and what one missed: asked of the server page by page, towards the beginning.
// It knows the rooms and talks; how a message is taken in stands in meaning.js.

const PAGE = 150; // messages asked for where one reads back
const MOST = 500; // where some were missed, and of private talk, which comes mixed; the server tells no more at once
const FEW = 30; // messages that do not fill a screen
const PAGES = 6; // in a row, without anybody asking again

export class Past {
  #chat;

  constructor(chat) {
    this.#chat = chat;
  }

  // A talk is shown: one in which little stands looks as if nothing had been said.
  begin(talk) {
    if (talk.messages.length < FEW) this.older(talk);
  }

  // Somebody has come to the beginning of a talk.
  older(talk) {
    if (talk.complete || talk.asking) return;
    this.#ask({ about: "older", talk, n: talk.isPrivate ? MOST : PAGE, pages: PAGES, had: talk.messages.length });
  }

  // What was said in a room since the message with the id `known`, as far as it is not there yet: the oldest of what
  // was told instead has the id `first`.
  fill(talk, known, first) {
    talk.first = first || 0;
    this.#ask({ about: "gap", talk, known, n: MOST, pages: PAGES });
  }

  // A message of an answer: the oldest comes first.
  heard(event) {
    const context = this.#chat.about(event);
    if (context.talk) context.first ??= event.id;
  }

  // The answer is complete: `context` is what it was about.
  heardAll(context) {
    const { talk, first } = context;
    talk.asking = false;
    talk.first = first;
    talk.grow();
    const isEnough = context.about === "gap" ? first <= context.known : talk.messages.length > context.had;
    if (!isEnough && context.pages > 1) return this.#ask({ ...context, pages: context.pages - 1, first: undefined });
    this.#end(talk);
  }

  // There is nothing more, or, where that is not `all`, one is not told at the moment.
  exhausted({ talk }, isAll = true) {
    talk.asking = false;
    talk.complete = isAll;
    this.#end(talk);
  }

  #ask(context) {
    const { about, talk, n } = context;
    const first = talk.first || (about === "older" && talk.messages.find(({ id }) => id)?.id);
    const where = talk.isPrivate ? { private: "1" } : { room: talk.key };
    talk.asking = this.#chat.ask({ do: "history", n: String(n), ...(first && { before: String(first) }), ...where }, context);
  }

  #end(talk) {
    talk.cut = 0;
    this.#chat.page.changed(talk, false);
  }
}
