// Calls somebody back who looks elsewhere: the count in the title, and, where it is switched on, a soft tone and a notice
// of the desktop's. Browsers allow such notices only on this machine itself and by https.

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
    if (this.on && "Notification" in window && Notification.permission === "default") Notification.requestPermission();
    return this.on;
  }

  // Shows what was said to somebody who looks at no window of ours; `answer` is done where he clicks it.
  notify(title, text, answer) {
    if (!this.on || document.hasFocus() || !("Notification" in window)) return;
    if (Notification.permission !== "granted") return;
    try {
      const notice = new Notification(title, { body: text, tag: title, icon: "icon.svg" });
      notice.addEventListener("click", () => {
        window.focus();
        notice.close();
        answer();
      });
    } catch {
      // phones know other ways alone
    }
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
