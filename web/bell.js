// Calls somebody back who looks elsewhere: the count in the title, and a soft tone where it is switched on.

const PAUSE = 0.8; // seconds between tones: what comes in one go rings once

export class Bell {
  #context = null;
  #rang = -PAUSE;

  constructor(on) {
    this.on = on;
  }

  // Browsers let a page sound only after a click; this is called by one.
  toggle() {
    this.on = !this.on;
    if (this.on) this.ring(660);
    return this.on;
  }

  title(unread, place) {
    document.title = `${unread ? `(${unread}) ` : ""}${place ? `${place} · ` : ""}Chat`;
  }

  ring(pitch) {
    if (!this.on) return;
    this.#context ||= new AudioContext();
    const now = this.#context.currentTime;
    if (now - this.#rang < PAUSE) return;
    this.#rang = now;
    const tone = this.#context.createOscillator();
    const loudness = this.#context.createGain();
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.0001, now);
    loudness.gain.exponentialRampToValueAtTime(0.12, now + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.0001, now + 0.35);
    tone.connect(loudness).connect(this.#context.destination);
    tone.start(now);
    tone.stop(now + 0.4);
  }
}
